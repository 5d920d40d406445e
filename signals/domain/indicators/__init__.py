"""Indicators: `catalog` says what exists (no heavy import), the other files hold the arithmetic as numba kernels.

Every kernel `name_row(..., out)` works on one lane: a contiguous stretch of usable candles (float64, shape (time,)),
and writes `out` of the same shape. NaN rule: the first `warm_up` values are NaN; a stretch shorter than that is all
NaN. A lane that is interrupted by an unusable candle begins anew after it (see `signals.scan.kernels`).
The order of the arithmetic is TA-Lib's, so that the values agree to the last bits.
"""
