"""Price against RSI: a new extreme that RSI does not confirm."""

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import NAN, Rows, average_moves, larger, select, smaller, strength


@kind(
    "divergence",
    group="strategy",
    columns=("divergence_low_gap", "divergence_low_rsi", "divergence_high_gap", "divergence_high_rsi"),
    warm_up=lambda period, lookback, apart: max(lookback + 1, period + apart + 1),
    state=lambda period, lookback, apart: 4 + lookback,
    source="this project's RSI divergence (see the strategy rsi_divergence): the close one candle ago against the "
    "earlier extreme at least `apart` candles before it; NaN where it is no new extreme of `lookback` candles",
    default=(14, 30, 5),
    least=2,
    check=lambda period, lookback, apart: "" if apart < lookback else "apart must be smaller than lookback",
)
def divergence(
    close: Rows, state: Rows, low_gap: Rows, low_rsi: Rows, high_gap: Rows, high_rsi: Rows,
    begin: int, end: int, age: int, tick: int, period: int, lookback: int, apart: int,
) -> None:  # fmt: skip
    """By how many points RSI disagrees at a new low or high, and RSI at the earlier one.

    State: gain and loss of the RSI (as the kind rsi, to the last bit), then a ring of its last lookback + 2 values.
    """
    gain = state[0]
    loss = state[1]
    share = 1.0 / period
    length = lookback + 2
    place = tick % length
    for t in range(begin, end):
        gain, loss = average_moves(gain, loss, close, t, age, period, share)
        if age < period:
            state[2 + place] = NAN
        else:
            state[2 + place] = strength(gain, loss)
        if age < lookback + 1:
            low_gap[t] = NAN
            low_rsi[t] = NAN
            high_gap[t] = NAN
            high_rsi[t] = NAN
        else:
            first = t - 1 - lookback
            slot = place + 1
            if slot == length:
                slot = 0
            bottom = close[first]
            top = close[first]
            at_bottom = state[2 + slot]
            at_top = state[2 + slot]
            for k in range(first + 1, t - apart):
                slot += 1
                if slot == length:
                    slot = 0
                at_bottom = select(close[k] < bottom, state[2 + slot], at_bottom)
                at_top = select(close[k] > top, state[2 + slot], at_top)
                bottom = smaller(close[k], bottom)
                top = larger(close[k], top)
            lowest = bottom
            highest = top
            for k in range(t - apart, t - 1):
                lowest = smaller(close[k], lowest)
                highest = larger(close[k], highest)
            slot = place - 1
            if slot < 0:
                slot = length - 1
            new = state[2 + slot]
            extreme = close[t - 1]
            fresh_low = (extreme <= lowest) & (extreme < bottom)
            fresh_high = (extreme >= highest) & (extreme > top)
            low_gap[t] = select(fresh_low, new - at_bottom, NAN)
            low_rsi[t] = select(fresh_low, at_bottom, NAN)
            high_gap[t] = select(fresh_high, at_top - new, NAN)
            high_rsi[t] = select(fresh_high, at_top, NAN)
        place += 1
        if place == length:
            place = 0
        age += 1
    state[0] = gain
    state[1] = loss
