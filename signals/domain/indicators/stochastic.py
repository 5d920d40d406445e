"""Where the close lies in the recent range."""

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import NAN, Rows, larger, select, size, smaller, typical


@kind(
    "stoch",
    group="momentum",
    columns=("stoch_k", "stoch_d"),
    warm_up=lambda period, k, d: period + k + d - 3,
    state=lambda period, k, d: 2 + k + d,
    source="Lane: close within the range of n candles, 0 to 100, its mean of k candles and the mean of d of these; "
    "0 without a range (TA-Lib STOCH, SMA)",
    default=(14, 3, 3),
)
def stoch(
    high: Rows, low: Rows, close: Rows, state: Rows, line: Rows, smooth: Rows,
    begin: int, end: int, age: int, tick: int, period: int, k: int, d: int,
) -> None:  # fmt: skip
    """Slow stochastic. State: the two running sums, then their rings."""
    total = state[0]
    whole = state[1]
    place = tick % k
    spot = tick % d
    for t in range(begin, end):
        line[t] = NAN
        smooth[t] = NAN
        if age >= period - 1:
            highest = high[t]
            lowest = low[t]
            for i in range(1, period):
                highest = larger(high[t - i], highest)
                lowest = smaller(low[t - i], lowest)
            span = highest - lowest
            flat = span <= 1e-14 * (highest + lowest)
            raw = select(flat, 0.0, 100.0 * ((close[t] - lowest) / span))
            total = total + raw
            state[2 + place] = raw
            if age >= period + k - 2:
                mean = total / k
                slot = place + 1
                if slot == k:
                    slot = 0
                total = total - state[2 + slot]
                whole = whole + mean
                state[2 + k + spot] = mean
                if age >= period + k + d - 3:
                    line[t] = mean
                    smooth[t] = whole / d
                    slot = spot + 1
                    if slot == d:
                        slot = 0
                    whole = whole - state[2 + k + slot]
        place += 1
        if place == k:
            place = 0
        spot += 1
        if spot == d:
            spot = 0
        age += 1
    state[0] = total
    state[1] = whole


@kind(
    "willr",
    group="momentum",
    warm_up=lambda period: period - 1,
    state=0,
    source="Williams 1973: how far the close is below the highest of n candles, in percent of their range, negative; "
    "0 without a range (TA-Lib WILLR)",
    default=(14,),
    least=2,
)
def willr(
    high: Rows, low: Rows, close: Rows, state: Rows, out: Rows, begin: int, end: int, age: int, period: int
) -> None:
    """Williams %R, -100 to 0."""
    for t in range(begin, end):
        if age < period - 1:
            out[t] = NAN
        else:
            highest = high[t]
            lowest = low[t]
            for k in range(1, period):
                highest = larger(high[t - k], highest)
                lowest = smaller(low[t - k], lowest)
            span = highest - lowest
            out[t] = select(span > 0.0, -100.0 * ((highest - close[t]) / span), 0.0)
        age += 1


@kind(
    "cci",
    group="momentum",
    warm_up=lambda period: period - 1,
    state=lambda period: 1 + period,
    source="Lambert 1980: typical price less its mean of n, over 0.015 of the mean distance from that mean; 0 in a "
    "flat window (TA-Lib CCI)",
    default=(20,),
    least=2,
)
def cci(
    high: Rows, low: Rows, close: Rows, state: Rows, out: Rows,
    begin: int, end: int, age: int, tick: int, period: int,
) -> None:  # fmt: skip
    """Commodity channel index. State: the slot of the lane's first candle, then a ring of typical prices.

    The sums go around the ring from the slot of the lane's first candle, as TA-Lib's do, so that what cancels near zero
    leaves the same rounding.
    """
    first = state[0]
    place = tick % period
    for t in range(begin, end):
        price = typical(high[t], low[t], close[t])
        if age == 0:
            first = price * 0.0 + place
        state[1 + place] = price
        if age < period - 1:
            out[t] = NAN
        else:
            total = price * 0.0
            for slot in range(period):
                total = total + select(first <= slot, state[1 + slot], 0.0)
            for slot in range(period):
                total = total + select(first <= slot, 0.0, state[1 + slot])
            mean = total / period
            away = price * 0.0
            for slot in range(period):
                away = away + select(first <= slot, size(state[1 + slot] - mean), 0.0)
            for slot in range(period):
                away = away + select(first <= slot, 0.0, size(state[1 + slot] - mean))
            spread = away / period
            apart = price - mean
            moved = (size(apart) > 1e-14 * mean) & (spread > 1e-14 * mean)
            out[t] = select(moved, apart / (0.015 * spread), 0.0)
        place += 1
        if place == period:
            place = 0
        age += 1
    state[0] = first
