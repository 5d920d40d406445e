"""Support and resistance from swings."""

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import NAN, Rows, select, size


@kind(
    "levels",
    group="strategy",
    columns=("levels_support", "levels_resistance", "levels_support_touches", "levels_resistance_touches"),
    warm_up=lambda lookback, wing: lookback + wing,
    state=lambda lookback, wing: 2 * (lookback - wing + 1),
    source="a swing low is below the lows of the `wing` candles before it and not above those of the `wing` after it, "
    "known only when these have closed (highs likewise); a touch is a swing of the same side no further from the level "
    "than half the mean candle range of `lookback` candles",
    default=(100, 3),
    check=lambda lookback, wing: "" if wing < lookback else "wing must be smaller than lookback",
)
def levels(
    high: Rows, low: Rows, close: Rows, state: Rows,
    support: Rows, resistance: Rows, support_touches: Rows, resistance_touches: Rows,
    begin: int, end: int, age: int, tick: int, lookback: int, wing: int,
) -> None:  # fmt: skip
    """The nearest swing low below and swing high above the close among the last `lookback` candles, NaN where there is
    none, and how many swings touched each, itself included (0 without a level).

    State: a ring of swing lows, then one of swing highs; 0 where the candle was none.
    """
    length = lookback - wing + 1
    place = tick % length
    for t in range(begin, end):
        if age >= 2 * wing:
            pivot = t - wing
            bottom = low[pivot]
            top = high[pivot]
            for k in range(1, wing + 1):
                bottom = select((bottom < low[pivot - k]) & (bottom <= low[pivot + k]), bottom, 0.0)
                top = select((top > high[pivot - k]) & (top >= high[pivot + k]), top, 0.0)
            state[place] = bottom
            state[length + place] = top
        if age < lookback + wing:
            support[t] = NAN
            resistance[t] = NAN
            support_touches[t] = NAN
            resistance_touches[t] = NAN
        else:
            price = close[t]
            below = price * 0.0
            above = price * 0.0
            for k in range(length):
                bottom = state[k]
                top = state[length + k]
                below = select((bottom < price) & (bottom > below), bottom, below)
                above = select((top > price) & ((top < above) | (above == 0.0)), top, above)
            span = high[t] - low[t]
            for k in range(1, lookback):
                span = span + (high[t - k] - low[t - k])
            near = span / lookback * 0.5
            lows = price * 0.0
            highs = price * 0.0
            for k in range(length):
                bottom = state[k]
                top = state[length + k]
                lows = lows + select((bottom > 0.0) & (size(bottom - below) <= near), 1.0, 0.0)
                highs = highs + select((top > 0.0) & (size(top - above) <= near), 1.0, 0.0)
            support[t] = select(below > 0.0, below, NAN)
            resistance[t] = select(above > 0.0, above, NAN)
            support_touches[t] = select(below > 0.0, lows, 0.0)
            resistance_touches[t] = select(above > 0.0, highs, 0.0)
        place += 1
        if place == length:
            place = 0
        age += 1
