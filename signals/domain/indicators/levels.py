"""Support and resistance from swings."""

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import NAN, Rows, larger, select, smaller


@kind(
    "levels",
    group="strategy",
    columns=("levels_support", "levels_resistance", "levels_support_touches", "levels_resistance_touches"),
    warm_up=lambda lookback, wing: lookback + wing,
    state=lambda lookback, wing: 4 * ((lookback + 1 - wing) // (wing + 1) + 2),
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

    Of wing + 1 candles in a row at most one is a swing of a side, so these share a slot. State: rings of swing lows, of
    swing highs, and of the candle numbers of both; a price of 0 stands for none below, 1e308 for none above.
    """
    group = wing + 1
    length = (lookback + 1 - wing) // group + 2
    now = tick
    for t in range(begin, end):
        if age >= 2 * wing:
            pivot = t - wing
            bottom = low[pivot]
            top = high[pivot]
            for k in range(1, wing + 1):
                bottom = select((bottom < low[pivot - k]) & (bottom <= low[pivot + k]), bottom, 0.0)
                top = select((top > high[pivot - k]) & (top >= high[pivot + k]), top, 0.0)
            number = now - wing
            slot = number // group % length
            if number % group == 0:
                state[slot] = 0.0
                state[length + slot] = 0.0
            state[2 * length + slot] = select(bottom > 0.0, number * 1.0, state[2 * length + slot])
            state[3 * length + slot] = select(top > 0.0, number * 1.0, state[3 * length + slot])
            state[slot] = select(bottom > 0.0, bottom, state[slot])
            state[length + slot] = select(top > 0.0, top, state[length + slot])
        if age > lookback + wing:
            number = now - lookback - 1
            slot = number // group % length
            state[slot] = select(state[2 * length + slot] == number, 0.0, state[slot])
            state[length + slot] = select(state[3 * length + slot] == number, 0.0, state[length + slot])
        if age < lookback + wing:
            support[t] = NAN
            resistance[t] = NAN
            support_touches[t] = NAN
            resistance_touches[t] = NAN
        else:
            price = close[t]
            below = price * 0.0
            above = below + 1e308
            span = high[t] - low[t]
            for k in range(length):
                below = larger(select(state[k] < price, state[k], 0.0), below)
                above = smaller(select(state[length + k] > price, state[length + k], 1e308), above)
            for k in range(1, lookback):
                span = span + (high[t - k] - low[t - k])
            near = span / lookback * 0.5
            lows = price * 0.0
            highs = price * 0.0
            low_from = larger(below - near, 1e-300)
            low_to = below + near
            high_from = larger(above - near, 1e-300)
            high_to = above + near
            for k in range(length):
                lows = lows + select((state[k] >= low_from) & (state[k] <= low_to), 1.0, 0.0)
                touched = (state[length + k] >= high_from) & (state[length + k] <= high_to)
                highs = highs + select(touched, 1.0, 0.0)
            support[t] = select(below > 0.0, below, NAN)
            resistance[t] = select(above < 1e308, above, NAN)
            support_touches[t] = select(below > 0.0, lows, 0.0)
            resistance_touches[t] = select(above < 1e308, highs, 0.0)
        now += 1
        age += 1
