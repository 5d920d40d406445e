"""Ranges of candles."""

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import NAN, Rows, true_range


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
    share = 1.0 / period
    for t in range(begin, end):
        if age > 0:
            span = true_range(high[t], low[t], close[t - 1])
            if age <= period:
                value = value + span
                if age == period:
                    value = value * share
            else:
                value = (value * (period - 1) + span) * share
        if age < period:
            out[t] = NAN
        else:
            out[t] = value
        age += 1
    state[0] = value
