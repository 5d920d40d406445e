"""Ranges and bands, one lane at a time."""

import numpy as np

from signals.domain.indicators.jit import kernel
from signals.domain.indicators.trend import sma_row


@kernel
def atr_row(high: np.ndarray, low: np.ndarray, close: np.ndarray, period: int, out: np.ndarray) -> None:
    """Wilder's average true range, in price units; the first range is of the second candle."""
    value = 0.0
    for t in range(close.size):
        out[t] = np.nan
        if t == 0:
            continue
        before = close[t - 1]
        span = max(high[t], before) - min(low[t], before)
        if t <= period:
            value += span
            if t < period:
                continue
            value /= period
        else:
            value = (value * (period - 1) + span) / period
        out[t] = value


@kernel
def bb_row(x: np.ndarray, period: int, width: float, upper: np.ndarray, middle: np.ndarray, lower: np.ndarray) -> None:
    """Bollinger bands. Deviations are summed afresh in each window: a running sum of squares loses all digits of
    tiny or nearly constant prices, and `period` additions a candle cost little.
    """
    sma_row(x, period, middle)
    for t in range(x.size):
        if t < period - 1:
            upper[t] = np.nan
            lower[t] = np.nan
            continue
        centre = middle[t]
        squares = 0.0
        for back in range(period):
            deviation = x[t - back] - centre
            squares += deviation * deviation
        band = width * np.sqrt(squares / period)
        upper[t] = centre + band
        lower[t] = centre - band
