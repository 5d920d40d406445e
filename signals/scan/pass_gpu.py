"""The pass on a GPU, by CuPy: what `pass_cpu` and `decisions` compute, from the source that `cuda.source` makes.

Blocks are independent, so a panel that does not fit into the device's memory goes through it in slices of blocks.
"""

import os
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from signals.scan.cuda.compilers import OPTIONS
from signals.scan.cuda.work import Step, Work, masks_pack
from signals.scan.decisions import DecisionPlan
from signals.scan.panel import WIDTH, Panel, aligned
from signals.scan.plan import Plan

BACKEND = "gpu"
SHARE = 0.6  # of the device's free memory that one slice may take; the rest is left to the models
THREADS = 32  # a block: there are few lanes, and small blocks spread them over all multiprocessors


def columns_compute(
    panel: Panel, plan: Plan, *, out: np.ndarray | None = None, threads: int | None = None
) -> np.ndarray:
    """See `pass_cpu.columns_compute`; `threads` means nothing here. Raises what CuPy raises."""
    return panel_run(panel, plan, out=out)[0]


def panel_run(
    panel: Panel, plan: Plan, *, out: np.ndarray | None = None, threads: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """See `pass_cpu.panel_run`."""
    whole = Work(panel, plan, None, 0, panel.blocks)
    columns = aligned(whole.shapes[1]) if out is None else out
    state = aligned(whole.shapes[0])
    for work in slices(whole):
        on_device = _run(work)
        on_device[0].get(out=state[work.first : work.last])
        on_device[1].get(out=columns[work.first : work.last])
    return columns, state


def masks_compute(panel: Panel, decisions: DecisionPlan, *, threads: int | None = None) -> np.ndarray:
    """See `decisions.masks_compute`; the columns stay on the device, only masks come back."""
    decisions.require_own_candles()
    masks = np.zeros((panel.blocks, 2 * len(decisions.formulas), panel.rows), np.uint16)
    for work in slices(Work(panel, decisions.plan, decisions, 0, panel.blocks)):
        masks[work.first : work.last] = masks_pack(_run(work)[2].get())
    return masks


def on_device_pass(panel: Panel, plan: Plan) -> Callable[[], None]:
    """A pass over candles that are on the device already, to measure the kernel alone; it fits in one slice."""
    there, work = cupy(), Work(panel, plan, None, 0, panel.blocks)
    shared, steps = _sent(work), [(step, *_own(step)) for step in work.passes]

    def again() -> None:
        _launch(work, shared, steps)
        there.cuda.Device().synchronize()

    return again


def slices(whole: Work) -> Iterator[Work]:
    """The work in parts that fit into SHARE of the free memory, at least a block each."""
    held = sum(int(np.prod(shape)) * size for shape, size in zip(whole.shapes, (8, 8, 1), strict=True))
    each = (held + whole.values.nbytes) // max(whole.blocks, 1)
    count = max(1, int(_free_bytes() * SHARE) // max(each, 1))
    for first in range(0, whole.blocks, count):
        yield Work(whole.panel, whole.plan, whole.decisions, first, min(first + count, whole.blocks))


def memory_release() -> None:
    """Give back what CuPy keeps for later, so that a pass after a failure begins with all there is."""
    cupy().get_default_memory_pool().free_all_blocks()


def cupy() -> Any:
    """CuPy, imported when it is first needed, with its compiled kernels kept beside ours."""
    import importlib

    from signals.scan.cache import cache_prepare

    os.environ.setdefault("CUPY_CACHE_DIR", str(cache_prepare() / "cupy"))
    return importlib.import_module("cupy")


def _free_bytes() -> int:
    there = cupy()
    return int(there.cuda.runtime.memGetInfo()[0]) + int(there.get_default_memory_pool().free_bytes())


def _run(work: Work) -> tuple[Any, Any, Any]:
    """State, columns and masks of a slice, on the device."""
    shared = _sent(work)
    for steps in (work.passes, work.decides):
        _launch(work, shared, [(step, *_own(step)) for step in steps])
        cupy().cuda.Device().synchronize()  # formulas read what all kinds have written
    return shared[1], shared[2], shared[3]


def _sent(work: Work) -> tuple[Any, ...]:
    """What all kernels of a slice share, on the device: candles, state, columns, masks, stretches."""
    there = cupy()
    made = (there.zeros(work.shapes[0], np.float64), there.empty(work.shapes[1], np.float64))
    masks = there.zeros(work.shapes[2], np.uint8)
    return (there.asarray(work.values), *made, masks, *(there.asarray(one) for one in work.stretches))


def _own(step: Step) -> tuple[Any, Any]:
    """The tables of one kernel, on the device."""
    return cupy().asarray(step.table), cupy().asarray(step.numbers)


def _launch(work: Work, shared: tuple[Any, ...], steps: list[tuple[Step, Any, Any]]) -> None:
    """Start kernels, each on a stream of its own: one alone has too few lanes to fill the device."""
    there = cupy()
    for step, table, numbers in steps:
        given = tuple(work.arguments(step, shared, (table, numbers), np.int64))
        grid = (-(-work.blocks * WIDTH // THREADS), step.table.shape[0])
        with there.cuda.Stream():  # a blocking one: it begins after what was sent, and copies back wait for it
            _module(step.source).get_function(step.name)(grid, (THREADS,), given)


@lru_cache(maxsize=256)
def _module(source: str) -> Any:
    return cupy().RawModule(code=source, options=OPTIONS, backend="nvrtc")
