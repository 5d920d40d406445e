"""The fused pass: every lane is read once, all indicators of the plan are written while it is in the core's cache."""

import numpy as np

from signals.scan.cache import cache_prepare

cache_prepare()

from signals.domain.indicators.jit import kernel  # noqa: E402  (the cache folder must be set first)
from signals.domain.indicators.momentum import rsi_row  # noqa: E402
from signals.domain.indicators.trend import ema_row, macd_row, sma_row  # noqa: E402
from signals.domain.indicators.volatility import atr_row, bb_row  # noqa: E402

SMA, EMA, RSI, ATR, MACD, BB = range(6)
CODES = {"sma": SMA, "ema": EMA, "rsi": RSI, "atr": ATR, "macd": MACD, "bb": BB}


@kernel
def scan_lanes(
    high: np.ndarray,
    low: np.ndarray,
    close: np.ndarray,
    usable: np.ndarray,
    codes: np.ndarray,
    args: np.ndarray,
    slots: np.ndarray,
    out: np.ndarray,
) -> None:
    """Write all planned columns of all lanes.

    Shapes: high, low, close float64 and usable bool (lanes, time); codes, slots int64 (indicators,); args float64
    (indicators, 3); out float64 (columns, lanes, time), the caller fills it with NaN. A lane is computed in
    stretches of usable candles, each with its own warm-up, so a bad candle harms only its own lane and no value
    ever depends on a later candle.
    """
    lanes, length = close.shape
    for lane in range(lanes):
        start = 0
        while start < length:
            if not usable[lane, start]:
                start += 1
                continue
            stop = start
            while stop < length and usable[lane, stop]:
                stop += 1
            stretch(high[lane, start:stop], low[lane, start:stop], close[lane, start:stop],
                    codes, args, slots, out[:, lane, start:stop])  # fmt: skip
            start = stop


@kernel
def stretch(
    high: np.ndarray,
    low: np.ndarray,
    close: np.ndarray,
    codes: np.ndarray,
    args: np.ndarray,
    slots: np.ndarray,
    out: np.ndarray,
) -> None:
    """All indicators of the plan over one unbroken stretch of one lane; out is (columns, time)."""
    for i in range(codes.size):
        code = codes[i]
        slot = slots[i]
        first = int(args[i, 0])
        if code == SMA:
            sma_row(close, first, out[slot])
        elif code == EMA:
            ema_row(close, first, out[slot])
        elif code == RSI:
            rsi_row(close, first, out[slot])
        elif code == ATR:
            atr_row(high, low, close, first, out[slot])
        elif code == MACD:
            slow = int(args[i, 1])
            macd_row(close, first, slow, int(args[i, 2]), out[slot], out[slot + 1], out[slot + 2])
        elif code == BB:
            bb_row(close, first, args[i, 1], out[slot], out[slot + 1], out[slot + 2])
