"""Larger candles beside the scan's own (5m with 1h, say), without look-ahead: a larger candle counts from the moment
it closed.

A larger candle is made of the usable candles in its time; it is usable when there was at least one. The one in which a
series begins is left out unless it is whole.
"""

from collections.abc import Iterable

import numpy as np

from signals.candles.matrix import FIELDS, CandleMatrix
from signals.domain.indicators.catalog import Indicator
from signals.domain.lanes import usable_candles
from signals.domain.timeframes import MINUTE_MS
from signals.scan.drive import periods_fold


def step_of(matrix: CandleMatrix) -> int:
    """Length of the matrix's candles in milliseconds; one minute when it has fewer than two."""
    times = matrix.open_time_ms
    return int(np.diff(times).min()) if times.size > 1 else MINUTE_MS


def split(indicators: Iterable[Indicator], step_ms: int) -> tuple[list[Indicator], dict[int, list[Indicator]]]:
    """The scan's own indicators, and those of larger candles by minutes (with their minutes). One whose candles are not
    longer than the scan's own is an own one, without its minutes.
    """
    own: list[Indicator] = []
    larger: dict[int, list[Indicator]] = {}
    for one in dict.fromkeys(indicators):
        if one.minutes * MINUTE_MS > step_ms:
            larger.setdefault(one.minutes, []).append(one)
        else:
            own.append(plain(one))
    return list(dict.fromkeys(own)), larger


def plain(indicator: Indicator) -> Indicator:
    """The same on the candles at hand."""
    return Indicator(indicator.kind, indicator.args)


def periods_of(times: np.ndarray, step_ms: int, minutes: int) -> tuple[int, int]:
    """Numbers of the first and the last larger candle that lie whole between the first candle's open and the last one's
    close; a number is the open time over the length.
    """
    length = minutes * MINUTE_MS
    return -(-int(times[0]) // length), (int(times[-1]) + step_ms) // length - 1


def larger_matrix(matrix: CandleMatrix, minutes: int) -> CandleMatrix:
    """The larger candles that have closed, NaN where a symbol has none."""
    step, length = step_of(matrix), minutes * MINUTE_MS
    first, last = periods_of(matrix.open_time_ms, step, minutes)
    count = max(last - first + 1, 0)
    values = np.stack([getattr(matrix, name) for name in FIELDS])
    out = np.full((len(FIELDS), len(matrix.symbols), count), np.nan)
    period = matrix.open_time_ms // length - first
    period[(period >= count) | (period < 0)] = -1
    periods_fold(values, usable_candles(*values), period, out)
    return CandleMatrix(matrix.symbols, (first + np.arange(count, dtype=np.int64)) * length, *out)


def places_of(times: np.ndarray, step_ms: int, minutes: int) -> np.ndarray:
    """For every candle the row of the last larger one that had closed with it, -1 before the first; int64 (time,)."""
    first, last = periods_of(times, step_ms, minutes)
    closed = (times + step_ms) // (minutes * MINUTE_MS) - 1 - first
    return np.clip(closed, -1, max(last - first, -1))


def spread_out(column: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Values of larger candles (symbols, periods) at the scan's own candles (symbols, time)."""
    if not column.shape[1]:
        return np.full((column.shape[0], places.size), np.nan)
    return np.where(places >= 0, column[:, np.maximum(places, 0)], np.nan)
