"""Ranges of candles."""

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import NAN, Rows, average_range, select


@kind(
    "atr",
    group="volatility",
    warm_up=lambda period: period,
    state=1,
    source="Wilder 1978, seeded by the mean of the first n true ranges, which begin at the second candle (TA-Lib ATR)",
    default=(14,),
)
def atr(
    high: Rows, low: Rows, close: Rows, state: Rows, out: Rows, begin: int, end: int, age: int, period: int
) -> None:
    """Average true range, in price units."""
    value = state[0]
    keep = (period - 1.0) / period
    for t in range(begin, end):
        value = average_range(value, high, low, close, t, age, period, keep)
        if age < period:
            out[t] = NAN
        else:
            out[t] = value
        age += 1
    state[0] = value


@kind(
    "natr",
    group="volatility",
    warm_up=lambda period: period,
    state=1,
    source="ATR in percent of the close (Forman 2006; TA-Lib NATR)",
    default=(14,),
    least=2,
)
def natr(
    high: Rows, low: Rows, close: Rows, state: Rows, out: Rows, begin: int, end: int, age: int, period: int
) -> None:
    """Normalised average true range, in percent."""
    value = state[0]
    keep = (period - 1.0) / period
    for t in range(begin, end):
        value = average_range(value, high, low, close, t, age, period, keep)
        if age < period:
            out[t] = NAN
        else:
            out[t] = value / close[t] * 100.0
        age += 1
    state[0] = value


@kind(
    "vol_ratio",
    group="strategy",
    warm_up=lambda atr, mean: atr + mean - 1,
    state=lambda atr, mean: 1 + mean,
    source="ATR over the mean of its last `mean` values; 1 where nothing has moved",
    default=(14, 100),
)
def vol_ratio(
    high: Rows, low: Rows, close: Rows, state: Rows, out: Rows,
    begin: int, end: int, age: int, tick: int, atr: int, mean: int,
) -> None:  # fmt: skip
    """How volatile the market is against its own usual: 1 as usual, 2 twice that."""
    value = state[0]
    keep = (atr - 1.0) / atr
    place = tick % mean
    for t in range(begin, end):
        value = average_range(value, high, low, close, t, age, atr, keep)
        state[1 + place] = value
        if age < atr + mean - 1:
            out[t] = NAN
        else:
            slot = place + 1
            total = value * 0.0
            for _ in range(mean):
                if slot >= mean:
                    slot = 0
                total = total + state[1 + slot]
                slot += 1
            usual = total / mean
            out[t] = select(usual > 0.0, value / usual, 1.0)
        place += 1
        if place == mean:
            place = 0
        age += 1
    state[0] = value
