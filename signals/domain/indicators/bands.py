"""Bands around the price."""

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import (
    NAN,
    Rows,
    fma,
    larger,
    root,
    smaller,
    true_range,
    typical,
)


@kind(
    "bb",
    group="volatility",
    columns=("bb_upper", "bb_middle", "bb_lower"),
    warm_up=lambda period, width: period - 1,
    state=lambda period, width: 1 + 2 * period,
    source="Bollinger 1983: SMA n +- width population standard deviations (TA-Lib BBANDS, SMA)",
    default=(20, 2.0),
    least=2,
)
def bb(
    close: Rows, state: Rows, upper: Rows, middle: Rows, lower: Rows,
    begin: int, end: int, age: int, tick: int, period: int, width: float,
) -> None:  # fmt: skip
    """Bollinger bands, in price units.

    Every window of n candles spans one of the cuts that lie n - 1 candles apart. What comes after the cut is summed as
    it comes; the sums of what lies before it were kept, for every number of candles, when the cut was passed. So no sum
    is ever taken back, and a spike is gone when it leaves the window. Closes count from the one at the cut: it is in
    the window, therefore at most n times the variance is lost to rounding, however tiny or nearly constant prices are.
    State: the close at the cut, sum and sum of squares since, then both for each place between two cuts.
    """
    part = 1.0 / period
    share = width / period
    length = period - 1
    place = tick % length
    pivot = state[0]
    total = state[1]
    squares = state[2]
    for t in range(begin, end):
        if age == 0:
            pivot = close[t]
        away = close[t] - pivot
        total = total + away
        squares = fma(away, away, squares)
        if age < length:
            upper[t] = NAN
            middle[t] = NAN
            lower[t] = NAN
        else:
            whole = total + state[3 + place]
            spread = fma(whole, -whole, period * (squares + state[3 + length + place]))
            band = root(larger(spread, 0.0)) * share
            centre = fma(whole, part, pivot)
            upper[t] = centre + band
            middle[t] = centre
            lower[t] = centre - band
        place += 1
        if place == length:
            place = 0
            pivot = close[t]
            total = pivot * 0.0
            squares = pivot * 0.0
            for back in range(length if age >= length else age + 1):
                away = close[t - back] - pivot
                total = total + away
                squares = fma(away, away, squares)
                state[2 + length - back] = total
                state[2 + 2 * length - back] = squares
            total = pivot * 0.0
            squares = pivot * 0.0
        age += 1
    state[0] = pivot
    state[1] = total
    state[2] = squares


@kind(
    "kc",
    group="volatility",
    columns=("kc_upper", "kc_middle", "kc_lower"),
    warm_up=lambda period, atr, width: max(period - 1, atr),
    state=2,
    source="Keltner 1960, Raschke: EMA n of the typical price +- width ATR; both are seeded so that they begin at the "
    "same candle (TA-Lib KC)",
    default=(20, 10, 2.0),
)
def kc(
    high: Rows, low: Rows, close: Rows, state: Rows, upper: Rows, middle: Rows, lower: Rows,
    begin: int, end: int, age: int, period: int, atr: int, width: float,
) -> None:  # fmt: skip
    """Keltner channel, in price units."""
    centre = state[0]
    value = state[1]
    factor = 2.0 / (period + 1)
    keep = (atr - 1.0) / atr
    take = 1.0 - keep
    start = max(period - 1, atr)
    for t in range(begin, end):
        price = typical(high[t], low[t], close[t])
        if age > start:
            centre = fma(price - centre, factor, centre)
        elif age > start - period:
            centre = centre + price
            if age == start:
                centre = centre / period
        if age > start:
            value = fma(keep, value, take * true_range(high[t], low[t], close[t - 1]))
        elif age > start - atr:
            value = value + true_range(high[t], low[t], close[t - 1])
            if age == start:
                value = value / atr
        if age < start:
            upper[t] = NAN
            middle[t] = NAN
            lower[t] = NAN
        else:
            band = value * width
            upper[t] = centre + band
            middle[t] = centre
            lower[t] = centre - band
        age += 1
    state[0] = centre
    state[1] = value


@kind(
    "donchian",
    group="volatility",
    columns=("donchian_upper", "donchian_middle", "donchian_lower"),
    warm_up=lambda period: period - 1,
    state=0,
    source="Donchian: highest high and lowest low of n candles, this one included, and their middle (TA-Lib DONCHIAN)",
    default=(20,),
)
def donchian(
    high: Rows, low: Rows, state: Rows, upper: Rows, middle: Rows, lower: Rows,
    begin: int, end: int, age: int, period: int,
) -> None:  # fmt: skip
    """Donchian channel, in price units."""
    for t in range(begin, end):
        if age < period - 1:
            upper[t] = NAN
            middle[t] = NAN
            lower[t] = NAN
        else:
            top = high[t]
            bottom = low[t]
            for k in range(1, period):
                top = larger(high[t - k], top)
                bottom = smaller(low[t - k], bottom)
            upper[t] = top
            middle[t] = (top + bottom) / 2.0
            lower[t] = bottom
        age += 1
