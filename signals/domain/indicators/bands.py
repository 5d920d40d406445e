"""Bands around the price."""

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import NAN, Rows, larger, root, two_product, two_sum


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
