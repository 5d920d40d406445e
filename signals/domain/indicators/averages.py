"""Moving averages of the close, in price units."""

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import NAN, Rows


@kind(
    "sma",
    group="trend",
    warm_up=lambda period: period - 1,
    state=1,
    source="mean of the last n closes by a running sum (TA-Lib SMA)",
    default=(20,),
)
def sma(close: Rows, state: Rows, out: Rows, begin: int, end: int, age: int, period: int) -> None:
    """Simple moving average."""
    total = state[0]
    for t in range(begin, end):
        total = total + close[t]
        if age < period - 1:
            out[t] = NAN
        else:
            out[t] = total / period
            total = total - close[t - period + 1]
        age += 1
    state[0] = total


@kind(
    "ema",
    group="trend",
    warm_up=lambda period: period - 1,
    state=1,
    source="k = 2 / (n + 1), seeded by the SMA of the first n closes (TA-Lib EMA)",
    default=(12,),
)
def ema(close: Rows, state: Rows, out: Rows, begin: int, end: int, age: int, period: int) -> None:
    """Exponential moving average."""
    value = state[0]
    factor = 2.0 / (period + 1)
    for t in range(begin, end):
        if age < period:
            value = value + close[t]
            if age == period - 1:
                value = value / period
        else:
            value = (close[t] - value) * factor + value
        if age < period - 1:
            out[t] = NAN
        else:
            out[t] = value
        age += 1
    state[0] = value
