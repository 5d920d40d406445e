"""From a candle matrix and a set of indicators to lanes with columns, on the CPU."""

from collections.abc import Iterable

import numpy as np

from signals.candles.matrix import CandleMatrix
from signals.domain.indicators.catalog import Indicator
from signals.domain.lanes import Lanes, usable_candles

BACKEND = "cpu"


def lanes_compute(matrix: CandleMatrix, indicators: Iterable[Indicator]) -> Lanes:
    """One fused pass over (symbols, time); each distinct indicator is computed once.

    Unusable candles (see `usable_candles`) are NaN in every array that comes back.
    """
    from signals.scan.kernels import CODES, scan_lanes

    wanted = tuple(dict.fromkeys(indicators))
    names = [name for indicator in wanted for name in indicator.columns]
    usable = usable_candles(matrix.open, matrix.high, matrix.low, matrix.close, matrix.volume)
    out = np.full((len(names), *matrix.close.shape), np.nan)
    codes = np.array([CODES[indicator.kind] for indicator in wanted], np.int64)
    args = np.zeros((len(wanted), 3))
    for row, indicator in enumerate(wanted):
        args[row, : len(indicator.args)] = indicator.args
    widths = [len(indicator.columns) for indicator in wanted]
    slots = np.concatenate(([0], np.cumsum(widths, dtype=np.int64)))[:-1].astype(np.int64)
    scan_lanes(*_contiguous(matrix), usable, codes, args, slots, out)
    return _lanes(matrix, usable, dict(zip(names, out, strict=True)))


def _contiguous(matrix: CandleMatrix) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One array type, hence one compiled kernel."""
    high, low, close = (np.ascontiguousarray(a, np.float64) for a in (matrix.high, matrix.low, matrix.close))
    return high, low, close


def _lanes(matrix: CandleMatrix, usable: np.ndarray, columns: dict[str, np.ndarray]) -> Lanes:
    arrays = (matrix.open, matrix.high, matrix.low, matrix.close, matrix.volume)
    if not usable.all():
        arrays = tuple(np.where(usable, array, np.nan) for array in arrays)  # type: ignore[assignment]
    return Lanes(*arrays, columns)
