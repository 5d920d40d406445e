"""Momentum oscillators."""

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import NAN, Rows, larger, select


@kind(
    "rsi",
    group="momentum",
    warm_up=lambda period: period,
    state=2,
    source="Wilder 1978, seeded by the means of the first n changes; 0 where nothing has moved (TA-Lib RSI)",
    default=(14,),
)
def rsi(close: Rows, state: Rows, out: Rows, begin: int, end: int, age: int, period: int) -> None:
    """Relative strength index, 0 to 100."""
    gain = state[0]
    loss = state[1]
    share = 1.0 / period
    for t in range(begin, end):
        if age > 0:
            change = close[t] - close[t - 1]
            up = larger(change, 0.0)
            down = up - change
            if age <= period:
                gain = gain + up
                loss = loss + down
                if age == period:
                    gain = gain * share
                    loss = loss * share
            else:
                gain = (gain * (period - 1) + up) * share
                loss = (loss * (period - 1) + down) * share
        if age < period:
            out[t] = NAN
        else:
            total = gain + loss
            out[t] = select(total > 0.0, 100.0 * (gain / total), 0.0)
        age += 1
    state[0] = gain
    state[1] = loss
