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
    two_product,
    two_sum,
    typical,
)


@kind(
    "bb",
    group="volatility",
    columns=("bb_upper", "bb_middle", "bb_lower"),
    warm_up=lambda period, width: period - 1,
    state=4,
    source="Bollinger 1983: SMA n +- width population standard deviations (TA-Lib BBANDS, SMA)",
    default=(20, 2.0),
)
def bb(
    close: Rows, state: Rows, upper: Rows, middle: Rows, lower: Rows,
    begin: int, end: int, age: int, period: int, width: float,
) -> None:  # fmt: skip
    """Bollinger bands, in price units.

    The sums of closes and of their squares run in pairs of floats (value and error): in one float they would lose all
    digits of tiny or nearly constant prices, and never recover from a spike.
    """
    total = state[0]
    total_error = state[1]
    squares = state[2]
    squares_error = state[3]
    share = width / period
    for t in range(begin, end):
        total, error = two_sum(close[t], total)
        total_error = total_error + error
        square, low_part = two_product(close[t], close[t])
        squares, error = two_sum(square, squares)
        squares_error = squares_error + (error + low_part)
        if age >= period:
            old = close[t - period]
            total, error = two_sum(-old, total)
            total_error = total_error + error
            square, low_part = two_product(old, old)
            squares, error = two_sum(-square, squares)
            squares_error = squares_error + (error - low_part)
        if age < period - 1:
            upper[t] = NAN
            middle[t] = NAN
            lower[t] = NAN
        else:
            whole = total + total_error
            rest = (total - whole) + total_error
            product, low_part = two_product(whole, whole)
            low_part = low_part + 2.0 * whole * rest
            scaled, scaled_error = two_product(squares, period * 1.0)
            spread = (scaled - product) + (scaled_error + period * squares_error - low_part)
            band = root(larger(spread, 0.0)) * share
            centre = whole / period
            upper[t] = centre + band
            middle[t] = centre
            lower[t] = centre - band
        age += 1
    state[0] = total
    state[1] = total_error
    state[2] = squares
    state[3] = squares_error


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
