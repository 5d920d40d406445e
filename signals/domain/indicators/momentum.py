"""Momentum oscillators, one lane at a time."""

import numpy as np

from signals.domain.indicators.jit import kernel


@kernel
def rsi_row(x: np.ndarray, period: int, out: np.ndarray) -> None:
    """Wilder's relative strength index, 0 to 100; 0 where nothing has moved (as TA-Lib)."""
    gain = 0.0
    loss = 0.0
    for t in range(x.size):
        out[t] = np.nan
        if t == 0:
            continue
        change = x[t] - x[t - 1]
        up = change if change > 0.0 else 0.0
        down = -change if change < 0.0 else 0.0
        if t <= period:
            gain += up
            loss += down
            if t < period:
                continue
            gain /= period
            loss /= period
        else:
            gain = (gain * (period - 1) + up) / period
            loss = (loss * (period - 1) + down) / period
        total = gain + loss
        out[t] = 100.0 * (gain / total) if total > 0.0 else 0.0
