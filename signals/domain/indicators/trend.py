"""Moving averages and MACD, one lane at a time."""

import numpy as np

from signals.domain.indicators.jit import kernel


@kernel
def sma_row(x: np.ndarray, period: int, out: np.ndarray) -> None:
    """Mean of the last `period` values by a running sum."""
    total = 0.0
    for t in range(x.size):
        total += x[t]
        if t >= period - 1:
            out[t] = total / period
            total -= x[t - period + 1]
        else:
            out[t] = np.nan


@kernel
def ema_from(x: np.ndarray, period: int, first: int, out: np.ndarray) -> None:
    """EMA whose seed is the SMA of x[first : first + period]; NaN before index first + period - 1."""
    seeded = first + period - 1
    factor = 2.0 / (period + 1)
    value = 0.0
    for t in range(x.size):
        if t > seeded:
            value = (x[t] - value) * factor + value
            out[t] = value
            continue
        if t >= first:
            value += x[t]
        if t == seeded:
            value /= period
            out[t] = value
        else:
            out[t] = np.nan


@kernel
def ema_row(x: np.ndarray, period: int, out: np.ndarray) -> None:
    """EMA seeded by the SMA of the first `period` values."""
    ema_from(x, period, 0, out)


@kernel
def macd_row(
    x: np.ndarray, fast: int, slow: int, signal: int, line: np.ndarray, smooth: np.ndarray, hist: np.ndarray
) -> None:
    """MACD line, signal and histogram. Both EMAs are seeded at index slow - 1, as TA-Lib does."""
    ema_from(x, fast, slow - fast, line)
    ema_from(x, slow, 0, smooth)
    for t in range(x.size):
        line[t] -= smooth[t]
    ema_from(line, signal, slow - 1, smooth)
    for t in range(x.size):
        hist[t] = line[t] - smooth[t]
        if hist[t] != hist[t]:
            line[t] = np.nan
