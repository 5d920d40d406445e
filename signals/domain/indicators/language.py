"""The language that indicators are written in: a small part of Python, about one lane and all its candles.

A kind's function gets, in this order:

- its inputs, any of `open, high, low, close, volume`: `close[t]` is the value of candle t of this lane, and earlier
  candles of the same stretch may be read (`close[t - period]`, never before the stretch began),
- `state`: its own memory between calls, all zero when a stretch begins, read and written as `state[0]`,
- its output columns, one name each: `out[t] = value`,
- `begin, end`: the candles to compute, `age`: how many candles of the stretch came before `begin`, and, when it asks
  for it, `tick`: the number of candle `begin` on the time grid (grows by one a candle, whatever the lane's anchor),
- its own arguments, `int` or `float` by annotation.

Allowed are assignments, `+ - * /` on values, `// %` on whole numbers, comparisons, `if` on whole numbers (all lanes of
a block are of the same age, so `if age < period` is the same for all), `for ... in range`, `while`, and the functions
below. What differs between lanes is chosen by `select`, not by `if`. A value is a float; a `bool` of a comparison of
values is a mask, combined with `&` and `|`.

The functions here are the plain meaning of each word, on floats or NumPy arrays; compilers replace them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

NAN = float("nan")
HELPERS: list[Callable[..., Any]] = []
Rows = Any  # something that gives a value by candle number
Value = Any  # a float, or many lanes' floats at once


def helper(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function written in the language itself that kinds may call."""
    HELPERS.append(function)
    return function


def select(mask: Any, yes: Value, no: Value) -> Value:
    """`yes` where the mask is true, else `no`."""
    return np.where(mask, yes, no)


def root(value: Value) -> Value:
    """Square root, correctly rounded."""
    return np.sqrt(value)


def log(value: Value) -> Value:
    """Natural logarithm. The one function whose last bit may differ between machines."""
    return np.log(value)


def floor(value: Value) -> Value:
    """Largest whole number that is not above the value."""
    return np.floor(value)


def fma(a: Value, b: Value, c: Value) -> Value:
    """a * b + c with one rounding (here exactly, by way of integers; slow)."""
    from fractions import Fraction

    exact = np.frompyfunc(lambda x, y, z: float(Fraction(x) * Fraction(y) + Fraction(z)), 3, 1)
    result = exact(a, b, c)
    return result.astype(np.float64) if isinstance(result, np.ndarray) else result


@helper
def larger(a: Value, b: Value) -> Value:
    """The larger of two."""
    return select(a > b, a, b)


@helper
def smaller(a: Value, b: Value) -> Value:
    """The smaller of two."""
    return select(a < b, a, b)


@helper
def size(a: Value) -> Value:
    """Without its sign."""
    return select(a < 0.0, -a, a)


@helper
def typical(high: Value, low: Value, close: Value) -> Value:
    """The mean of a candle's high, low and close, in price units."""
    return (high + low + close) / 3.0


@helper
def location_flow(high: Value, low: Value, close: Value, volume: Value) -> Value:
    """Chaikin's money flow volume: from -volume (closed at the low) to volume (at the high); 0 without a range."""
    span = high - low
    return select(span > 0.0, ((close - low) - (high - close)) / span * volume, 0.0)


@helper
def true_range(high: Value, low: Value, before: Value) -> Value:
    """Wilder 1978: the range that includes the close before, in price units."""
    return larger(high, before) - smaller(low, before)


@helper
def average_range(
    value: Value, high: Rows, low: Rows, close: Rows, t: int, age: int, period: int, keep: float
) -> Value:
    """Wilder's average true range, taken on by candle t, in price units: the sum of the first n ranges (they begin at
    the second candle), at the n-th their mean, then written as TA-Lib has it since 0.7: one multiplication and one
    fused multiply-add. keep: (n - 1) / n.
    """
    if age > 0:
        span = true_range(high[t], low[t], close[t - 1])
        if age <= period:
            value = value + span
            if age == period:
                value = value / period
        else:
            value = fma(keep, value, (1.0 - keep) * span)
    return value


@helper
def average_moves(
    gain: Value, loss: Value, close: Rows, t: int, age: int, period: int, share: float
) -> tuple[Value, Value]:
    """Wilder's average gain and loss, taken on by candle t, in price units: sums of the first n changes, at the n-th
    their means. share: 1 / n.
    """
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
    return gain, loss


@helper
def strength(gain: Value, loss: Value) -> Value:
    """Wilder's relative strength index of average gain and loss, 0 to 100; 0 where nothing has moved."""
    total = gain + loss
    return select(total > 0.0, 100.0 * (gain / total), 0.0)


@helper
def window_mean(total: Value, series: Rows, t: int, age: int, period: int) -> tuple[Value, Value]:
    """The running sum of the last n - 1 values and the mean of the last n (NaN until there are n), taken on by t."""
    total = total + series[t]
    mean = NAN
    if age >= period - 1:
        mean = total / period
        total = total - series[t - period + 1]
    return total, mean
