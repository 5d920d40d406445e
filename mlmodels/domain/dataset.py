"""Rows to learn from: the usable candles of all symbols, in order of time, with their labels."""

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


def dataset_build(candles: Candles, cost: Array, *, horizon: int = HORIZON, max_rows: int | None = None) -> Dataset:
    """Features and labels of every candle that has both; the newest `max_rows` when there are more.

    `cost` is the round trip per symbol, a fraction, (symbols,).
    """
    features = features_compute(candles).transpose(1, 0, 2)
    labels = labels_compute(candles, cost, horizon=horizon)
    keep = rows_usable(features) & labels.known.T
    step, lane = np.nonzero(keep)
    if max_rows is not None and len(step) > max_rows:
        step, lane = step[-max_rows:], lane[-max_rows:]
    net = labels.net[lane, step]
    x = model_input(features[step, lane])
    return Dataset(x, net > 0.0, net, step, np.asarray(candles.open_time_ms, dtype=np.int64), horizon)
