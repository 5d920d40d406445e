"""Trailing stops that follow a trend and turn with it."""

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import NAN, Rows, average_range, fma, larger, select, smaller


@kind(
    "supertrend",
    group="trend",
    columns=("supertrend", "supertrend_direction"),
    warm_up=lambda period, width: period,
    state=4,
    source="Seban: bands of the middle of the candle +- width ATR n that only move towards the price until it closes "
    "beyond them; begins upwards (TA-Lib SUPERTREND)",
    default=(10, 3.0),
    least=2,
)
def supertrend(
    high: Rows, low: Rows, close: Rows, state: Rows, line: Rows, direction: Rows,
    begin: int, end: int, age: int, period: int, width: float,
) -> None:  # fmt: skip
    """The stop in price units, and 1 in an upward trend, -1 in a downward one."""
    value = state[0]
    upper = state[1]
    lower = state[2]
    side = state[3]
    keep = (period - 1.0) / period
    for t in range(begin, end):
        value = average_range(value, high, low, close, t, age, period, keep)
        if age < period:
            line[t] = NAN
            direction[t] = NAN
        else:
            middle = (high[t] + low[t]) / 2.0
            above = middle + width * value
            below = middle - width * value
            if age == period:
                upper = above
                lower = below
                side = value * 0.0 + 1.0
            else:
                before = close[t - 1]
                upper = select((above < upper) | (before > upper), above, upper)
                lower = select((below > lower) | (before < lower), below, lower)
                rising = (side > 0.0) & (close[t] >= lower) | (side < 0.0) & (close[t] > upper)
                side = select(rising, 1.0, -1.0)
            line[t] = select(side > 0.0, lower, upper)
            direction[t] = side
        age += 1
    state[0] = value
    state[1] = upper
    state[2] = lower
    state[3] = side


@kind(
    "sar",
    group="trend",
    warm_up=lambda acceleration, maximum: 1,
    state=4,
    source="Wilder 1978, parabolic stop and reverse; the first direction is that of the first directional movement, "
    "the first stop the first candle's other end (TA-Lib SAR)",
    default=(0.02, 0.2),
    check=lambda acceleration, maximum: "" if acceleration <= maximum else "acceleration must not be above the maximum",
)
def sar(
    high: Rows, low: Rows, state: Rows, out: Rows, begin: int, end: int, age: int, acceleration: float, maximum: float
) -> None:
    """The parabolic stop, in price units."""
    stop = state[0]
    extreme = state[1]
    speed = state[2]
    side = state[3]
    for t in range(begin, end):
        if age == 0:
            out[t] = NAN
        else:
            top = high[t]
            bottom = low[t]
            top_before = high[t - 1]
            bottom_before = low[t - 1]
            if age == 1:
                up = top - top_before
                down = bottom_before - bottom
                falling = (down > 0.0) & (up < down)
                side = select(falling, -1.0, 1.0)
                extreme = select(falling, bottom, top)
                stop = select(falling, top_before, bottom_before)
                speed = stop * 0.0 + acceleration
                top_before = top
                bottom_before = bottom
            long = side > 0.0
            turned = (long & (bottom <= stop)) | (~long & (top >= stop))
            further = (long & (top > extreme)) | (~long & (bottom < extreme))
            roof = larger(larger(extreme, top_before), top)
            ground = smaller(smaller(extreme, bottom_before), bottom)
            stop = select(turned, select(long, roof, ground), stop)
            out[t] = stop
            speed = select(turned, acceleration, select(further, smaller(speed + acceleration, maximum), speed))
            extreme = select(
                turned | further, select(long, select(turned, bottom, top), select(turned, top, bottom)), extreme
            )
            side = select(turned, -side, side)
            moved = fma(speed, extreme - stop, stop)
            under = smaller(smaller(moved, bottom_before), bottom)
            over = larger(larger(moved, top_before), top)
            stop = select(side > 0.0, under, over)
        age += 1
    state[0] = stop
    state[1] = extreme
    state[2] = speed
    state[3] = side
