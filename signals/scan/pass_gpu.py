"""The pass on a GPU, by CuPy: what `pass_cpu` and `decisions` compute, from the source that `cuda.source` makes.

Blocks are independent, so a panel that does not fit into the device's memory goes through it in slices of blocks.
"""

import os
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from signals.scan.cuda.compilers import OPTIONS
from signals.scan.cuda.source import DECIDE, PASS
from signals.scan.cuda.work import Work, masks_pack
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
        on_device = _run(work, PASS)
        on_device[0].get(out=state[work.first : work.last])
        on_device[1].get(out=columns[work.first : work.last])
    return columns, state


def masks_compute(panel: Panel, decisions: DecisionPlan, *, threads: int | None = None) -> np.ndarray:
    """See `decisions.masks_compute`; the columns stay on the device, only masks come back."""
    masks = np.zeros((panel.blocks, 2 * len(decisions.formulas), panel.rows), np.uint16)
    for work in slices(Work(panel, decisions.plan, decisions, 0, panel.blocks)):
        masks[work.first : work.last] = masks_pack(_run(work, PASS, DECIDE)[2].get())
    return masks


def on_device_pass(panel: Panel, plan: Plan) -> Callable[[], None]:
    """A pass over candles that are on the device already, to measure the kernel alone; it fits in one slice."""
    there, work = cupy(), Work(panel, plan, None, 0, panel.blocks)
    arrays = _sent(work)

    def again() -> None:
        _launch(work, arrays, PASS)
        there.cuda.Device(0).synchronize()

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


def _run(work: Work, *names: str) -> tuple[Any, Any, Any]:
    """State, columns and masks of a slice, on the device."""
    arrays = _sent(work)
    for name in names:
        _launch(work, arrays, name)
    return arrays[1], arrays[2], arrays[3]


def _sent(work: Work) -> tuple[Any, ...]:
    """Everything a slice needs, on the device: candles, state, columns, masks, tables."""
    there = cupy()
    made = (there.zeros(work.shapes[0], np.float64), there.empty(work.shapes[1], np.float64))
    masks = there.zeros(work.shapes[2], np.uint8)
    return (there.asarray(work.values), *made, masks, *(there.asarray(table) for table in work.tables))


def _launch(work: Work, arrays: tuple[Any, ...], name: str) -> None:
    counts = {PASS: len(work.plan.indicators), DECIDE: work.shapes[2][1] // 2}
    if counts[name]:
        given = tuple(work.arguments(arrays, np.int64))
        _module(work.source).get_function(name)((-(-work.blocks * WIDTH // THREADS), counts[name]), (THREADS,), given)


@lru_cache(maxsize=16)
def _module(source: str) -> Any:
    return cupy().RawModule(code=source, options=OPTIONS, backend="nvrtc")
