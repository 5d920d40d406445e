"""What a sweep runs on: `cpu` (threads), or `gpu` with the CPU as what it falls back to."""

from collections.abc import Callable, Iterable, Iterator
from threading import Event
from typing import Protocol

import numpy as np

from signals.scan.backend import gpu_problem
from signals.sweep.cuda import launch
from signals.sweep.cuda.launch import Device
from signals.sweep.data import Series
from signals.sweep.decided import decided_sweep, grouped
from signals.sweep.grid import Grid
from signals.sweep.rules import Rules, SweepError
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
        for group in grouped(series):
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


class GpuBackend:
    """`ma_cross` by the CUDA source; other strategies, and what a failing GPU leaves, on the CPU with a notice."""

    def __init__(self, device: Device, fallback: CpuBackend, say: Say) -> None:
        self.device: Device | None = device
        self.fallback, self.say = fallback, say
        self.name = "gpu"

    def sweep(
        self, series: Iterable[Series], grid: Grid, rules: Rules, stop: Event, progress: Progress
    ) -> Iterator[tuple[Series, Figures]]:
        """See `Backend`."""
        if grid.strategy.kind != "ma_cross":
            self._leave(f"{grid.strategy.kind} has no kernel of its own there")
            yield from self.fallback.sweep(series, grid, rules, stop, progress)
            return
        for one in series:
            figures = self._on_device(one, grid, rules, stop, progress)
            if figures is not None:
                yield one, figures
            else:
                yield from self.fallback.sweep([one], grid, rules, stop, progress)

    def _on_device(self, one: Series, grid: Grid, rules: Rules, stop: Event, progress: Progress) -> Figures | None:
        """None when the GPU cannot; progress is told once it is certain that it can."""
        if self.device is None:
            return None
        try:
            figures = launch.ma_cross_sweep(self.device, one.table, *periods_of(grid), rules, stop=stop)
        except Exception as error:  # out of memory, a lost device, a compiler's word: the CPU can do it
            self._leave(f"it failed ({type(error).__name__}: {str(error)[:200]})")
            return None
        progress(int(figures.done.sum()))
        return figures

    def _leave(self, why: str) -> None:
        self.device, self.name = None, "cpu (after gpu)"
        self.say(f"The GPU is not used: {why}. The CPU goes on.")


def backend_of(name: str, *, threads: int | None = None, say: Say = lambda text: None) -> Backend:
    """`cpu` or `gpu`. Raises SweepError for another name, or when there is no GPU that can be used."""
    cpu = CpuBackend(threads)
    if name == "cpu":
        return cpu
    if name != "gpu":
        raise SweepError(f"--backend is cpu or gpu, not {name!r}.")
    if problem := gpu_problem():
        raise SweepError(f"There is no GPU to sweep on: {problem}. Leave out --backend gpu to use the CPU.")
    try:
        return GpuBackend(launch.Gpu(), cpu, say)
    except Exception as error:
        raise SweepError(f"The GPU cannot be used: {type(error).__name__}: {str(error)[:300]}") from error
