"""What a sweep runs on: `cpu` (threads), or `gpu` with the CPU as what it falls back to."""

from collections.abc import Callable, Iterable, Iterator
from threading import Event
from typing import Protocol

import numpy as np

from signals.sweep.data import Series
from signals.sweep.decided import decided_sweep, fits
from signals.sweep.grid import Grid
from signals.sweep.rules import Rules
from signals.sweep.run import Figures, Progress, ma_cross_sweep

Say = Callable[[str], None]


class Backend(Protocol):
    """Sweeps symbols as they come."""

    name: str

    def sweep(
        self, series: Iterable[Series], grid: Grid, rules: Rules, stop: Event, progress: Progress
    ) -> Iterator[tuple[Series, Figures]]:
        """Figures of each symbol, in order; `progress` is told how many more sets are done."""
        ...


class CpuBackend:
    """numba kernels on threads: `ma_cross` by its own kernel, any other strategy by what it decides."""

    name = "cpu"

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads

    def sweep(
        self, series: Iterable[Series], grid: Grid, rules: Rules, stop: Event, progress: Progress
    ) -> Iterator[tuple[Series, Figures]]:
        """See `Backend`."""
        if grid.strategy.kind == "ma_cross":
            for one in series:
                fast, slow = periods_of(grid)
                yield (
                    one,
                    ma_cross_sweep(one.table, fast, slow, rules, threads=self.threads, stop=stop, progress=progress),
                )
            return
        for group in _groups(series):
            yield from zip(
                group,
                decided_sweep(group, grid, rules, threads=self.threads, stop=stop, progress=progress),
                strict=True,
            )


def periods_of(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """int64 (sets,): the fast and the slow period of every set of `ma_cross`, defaults filled in."""
    defaults = grid.strategy.validate({})
    columns = {name: grid.values[:, place] for place, name in enumerate(grid.names)}
    fast, slow = (columns.get(name, np.full(len(grid), defaults[name])) for name in ("fast", "slow"))
    return fast.astype(np.int64), slow.astype(np.int64)


def _groups(series: Iterable[Series]) -> Iterator[list[Series]]:
    """Neighbouring symbols, as many as fit."""
    group: list[Series] = []
    for one in series:
        longest = max(len(each.table) for each in [*group, one])
        if group and len(group) >= fits(longest):
            yield group
            group = []
        group.append(one)
    if group:
        yield group
