"""Momentum oscillators."""

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import NAN, Rows, average_moves, larger, select, smaller, strength


@kind(
    "rsi",
    group="momentum",
    warm_up=lambda period: period,
    state=2,
    source="Wilder 1978, seeded by the means of the first n changes; 0 where nothing has moved (TA-Lib RSI)",
    default=(14,),
    least=2,
)
def rsi(close: Rows, state: Rows, out: Rows, begin: int, end: int, age: int, period: int) -> None:
    """Relative strength index, 0 to 100."""
    gain = state[0]
    loss = state[1]
    share = 1.0 / period
    for t in range(begin, end):
        gain, loss = average_moves(gain, loss, close, t, age, period, share)
        if age < period:
            out[t] = NAN
        else:
            out[t] = strength(gain, loss)
        age += 1
    state[0] = gain
    state[1] = loss


@kind(
    "stochrsi",
    group="momentum",
    columns=("stochrsi_k", "stochrsi_d"),
    warm_up=lambda period, k, d: period + k + d - 2,
    state=lambda period, k, d: 3 + k + d,
    source="Chande and Kroll 1993: where RSI n lies among its last k values, 0 to 100, and the mean of the last d of "
    "these; 0 where RSI has not moved (TA-Lib STOCHRSI)",
    default=(14, 14, 3),
    least=2,
)
def stochrsi(
    close: Rows, state: Rows, line: Rows, smooth: Rows,
    begin: int, end: int, age: int, tick: int, period: int, k: int, d: int,
) -> None:  # fmt: skip
    """Stochastic RSI. State: gain, loss, sum of the last lines, then rings of RSI (k) and of the line (d)."""
    gain = state[0]
    loss = state[1]
    share = 1.0 / period
    total = state[2]
    place = tick % k
    spot = tick % d
    for t in range(begin, end):
        gain, loss = average_moves(gain, loss, close, t, age, period, share)
        if age >= period:
            value = strength(gain, loss)
            state[3 + place] = value
        if age >= period + k - 1:
            lowest = value
            highest = value
            for i in range(k):
                lowest = smaller(state[3 + i], lowest)
                highest = larger(state[3 + i], highest)
            span = highest - lowest
            flat = span <= 1e-14 * (highest + lowest)
            raw = select(flat, 0.0, 100.0 * ((value - lowest) / span))
            total = total + raw
            state[3 + k + spot] = raw
        if age < period + k + d - 2:
            line[t] = NAN
            smooth[t] = NAN
        else:
            line[t] = raw
            smooth[t] = total / d
            slot = spot + 1
            if slot == d:
                slot = 0
            total = total - state[3 + k + slot]
        place += 1
        if place == k:
            place = 0
        spot += 1
        if spot == d:
            spot = 0
        age += 1
    state[0] = gain
    state[1] = loss
    state[2] = total
