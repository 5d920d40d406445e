"""Indicators. Each is one function, written once, in the small language of `language`; see `catalog` for what a kind
declares beside it.

The same text is compiled three ways: by numba for the CPU (16 lanes at a time), to CUDA C for the GPU (a thread a
lane), and to C for the host's compiler, which tests the GPU's arithmetic where there is no GPU. No compiler may
reorder or contract the arithmetic, so all three give the same bits.

NaN rule: the first `warm_up` values of a column are NaN; a stretch of usable candles shorter than that is all NaN. A
lane that is interrupted by an unusable candle begins anew after it.
"""

from signals.domain.indicators import (
    averages,
    bands,
    directional,
    divergence,
    flow,
    ichimoku,
    levels,
    macd,
    oscillators,
    ranges,
    speed,
    stochastic,
    stops,
    volatility,
    volume,
)
from signals.domain.indicators.catalog import KINDS, Indicator, Kind

FAMILIES = (
    averages,
    bands,
    directional,
    divergence,
    flow,
    ichimoku,
    levels,
    macd,
    oscillators,
    ranges,
    speed,
    stochastic,
    stops,
    volatility,
    volume,
)

__all__ = ["FAMILIES", "KINDS", "Indicator", "Kind"]
