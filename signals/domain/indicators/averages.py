"""Moving averages of the close, in price units."""

import math

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import NAN, Rows, fma, window_mean


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
        total, mean = window_mean(total, close, t, age, period)
        out[t] = mean
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
            value = fma(close[t] - value, factor, value)
        if age < period - 1:
            out[t] = NAN
        else:
            out[t] = value
        age += 1
    state[0] = value


@kind(
    "wma",
    group="trend",
    warm_up=lambda period: period - 1,
    state=0,
    source="weights 1 to n, the newest close has the largest; each window is summed anew (TA-Lib WMA)",
    default=(20,),
)
def wma(close: Rows, state: Rows, out: Rows, begin: int, end: int, age: int, period: int) -> None:
    """Weighted moving average."""
    divider = period * (period + 1) / 2.0
    for t in range(begin, end):
        if age < period - 1:
            out[t] = NAN
        else:
            total = close[t - period + 1]
            for k in range(2, period + 1):
                total = total + close[t - period + k] * k
            out[t] = total / divider
        age += 1


@kind(
    "hma",
    group="trend",
    warm_up=lambda period: period + math.isqrt(period) - 2,
    state=lambda period: math.isqrt(period),
    source="Hull 2005: WMA of (2 WMA of n/2 - WMA of n) over the root of n, both cut to whole numbers (TA-Lib HMA)",
    default=(20,),
    least=2,
)
def hma(close: Rows, state: Rows, out: Rows, begin: int, end: int, age: int, tick: int, period: int) -> None:
    """Hull moving average. State: a ring of the last root-of-n values of the inner difference."""
    half = period // 2
    last = 1
    while (last + 1) * (last + 1) <= period:
        last += 1
    place = tick % last
    for t in range(begin, end):
        if age < period - 1:
            out[t] = NAN
        else:
            slow = close[t - period + 1]
            for k in range(2, period + 1):
                slow = slow + close[t - period + k] * k
            fast = close[t - half + 1]
            for k in range(2, half + 1):
                fast = fast + close[t - half + k] * k
            state[place] = 2.0 * (fast / (half * (half + 1) / 2.0)) - slow / (period * (period + 1) / 2.0)
            if age < period + last - 2:
                out[t] = NAN
            else:
                slot = place + 1
                total = slow * 0.0
                for k in range(1, last + 1):
                    if slot >= last:
                        slot = 0
                    total = total + state[slot] * k
                    slot += 1
                out[t] = total / (last * (last + 1) / 2.0)
        place += 1
        if place == last:
            place = 0
        age += 1
