"""Windowed statistics along the last axis, the same to the last bit wherever the array begins or ends.

Each is a fixed sequence of element-wise operations over the lags of the window, never a running sum: a running sum
depends on its first element, and then the row that serves would differ from the row that trained.
All take float64 arrays (..., time) and give the same shape; the first `window - 1` columns are NaN, and NaN in a window
makes its result NaN.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def _folded(values: Array, window: int, fold: Callable[[Array, Array], Array]) -> Array:
    result = np.full_like(values, np.nan)
    length = values.shape[-1]
    if length < window:
        return result
    total = values[..., window - 1 :].copy()
    for lag in range(1, window):
        total = fold(total, values[..., window - 1 - lag : length - lag])
    result[..., window - 1 :] = total
    return result


def rolling_sum(values: Array, window: int) -> Array:
    """Sum of the last `window` values."""
    return _folded(values, window, np.add)


def rolling_mean(values: Array, window: int) -> Array:
    """Mean of the last `window` values."""
    return rolling_sum(values, window) / window


def rolling_max(values: Array, window: int) -> Array:
    """Largest of the last `window` values."""
    return _folded(values, window, np.maximum)


def rolling_min(values: Array, window: int) -> Array:
    """Smallest of the last `window` values."""
    return _folded(values, window, np.minimum)


def rolling_std(values: Array, window: int) -> Array:
    """Population standard deviation of the last `window` values, in two passes (no cancellation)."""
    mean = rolling_mean(values, window)
    squares = np.zeros_like(values)
    length = values.shape[-1]
    for lag in range(min(window, length)):
        squares[..., lag:] += (values[..., : length - lag] - mean[..., lag:]) ** 2
    return np.sqrt(squares / window)


def shifted(values: Array, by: int) -> Array:
    """The value `by` columns earlier; NaN where there is none."""
    result = np.full_like(values, np.nan)
    if by < values.shape[-1]:
        result[..., by:] = values[..., : values.shape[-1] - by]
    return result


def ratio(above: Array, below: Array, *, neutral: float = 0.0) -> Array:
    """above / below, `neutral` where below is zero; NaN stays NaN."""
    zero = below == 0.0
    return np.where(zero, neutral, above / np.where(zero, 1.0, below))
