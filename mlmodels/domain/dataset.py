"""Rows to learn from: the usable candles of all symbols, in order of time, with their labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlmodels.domain.features import FEATURES, Candles, features_compute, model_input, rows_usable
from mlmodels.domain.labels import HORIZON, labels_compute
from mlmodels.domain.rolling import Array


@dataclass(frozen=True)
class Dataset:
    """Rows sorted by step, then by symbol."""

    x: NDArray[np.float32]
    """(rows, features), columns as `names`."""
    wins: NDArray[np.bool_]
    """(rows,), the label."""
    net: Array
    """(rows,), net return of the labelled trade, a fraction."""
    step: NDArray[np.int64]
    """(rows,), column of the row's candle in the matrix."""
    open_time_ms: NDArray[np.int64]
    """(steps,), open times of the matrix's columns, UTC milliseconds."""
    horizon: int
    names: tuple[str, ...] = FEATURES

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.step)

    @property
    def steps(self) -> tuple[int, int]:
        """First step with a row, and the step after the last one; (0, 0) without rows."""
        return (int(self.step[0]), int(self.step[-1]) + 1) if self.rows else (0, 0)

    def between(self, start: int, end: int) -> slice:
        """Rows whose step is in [start, end)."""
        return slice(int(np.searchsorted(self.step, start)), int(np.searchsorted(self.step, end)))

    def time_of(self, step: int) -> int:
        """Open time of a step in UTC milliseconds; one step after the last is extrapolated."""
        if step < len(self.open_time_ms):
            return int(self.open_time_ms[step])
        return int(2 * self.open_time_ms[-1] - self.open_time_ms[-2])


@dataclass(frozen=True)
class _Marked:
    """Candles with one missing column in every gap of the grid."""

    symbols: Sequence[str]
    open_time_ms: NDArray[np.int64]
    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array


def gaps_marked(candles: Candles) -> Candles:
    """The same candles, with one column of NaN wherever the grid of open times skips.

    A stored grid leaves out candles that no symbol has (an outage): without the mark, windows and labels would reach
    across it as if no time had passed. One missing column makes every window that holds it unusable.
    """
    times = np.asarray(candles.open_time_ms, dtype=np.int64)
    steps = np.diff(times)
    length = steps.min() if len(steps) else 0
    holes = np.flatnonzero(steps > length) + 1
    if not len(holes):
        return candles
    sides = (candles.open, candles.high, candles.low, candles.close, candles.volume)
    marked = (np.insert(side, holes, np.nan, axis=1) for side in sides)
    return _Marked(candles.symbols, np.insert(times, holes, times[holes] - length), *marked)


def dataset_build(candles: Candles, cost: Array, *, horizon: int = HORIZON, max_rows: int | None = None) -> Dataset:
    """Features and labels of every candle that has both; the newest `max_rows` when there are more.

    `cost` is the round trip per symbol, a fraction, (symbols,).
    """
    candles = gaps_marked(candles)
    features = features_compute(candles).transpose(1, 0, 2)
    labels = labels_compute(candles, cost, horizon=horizon)
    keep = rows_usable(features) & labels.known.T
    step, lane = np.nonzero(keep)
    if max_rows is not None and len(step) > max_rows:
        step, lane = step[-max_rows:], lane[-max_rows:]
    net = labels.net[lane, step]
    x = model_input(features[step, lane])
    return Dataset(x, net > 0.0, net, step, np.asarray(candles.open_time_ms, dtype=np.int64), horizon)
