"""The pass on the CPU: all blocks of a panel, every indicator of a plan, in cache-sized tiles, on several threads."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise

import numpy as np

from signals.candles.matrix import CandleMatrix
from signals.domain.indicators.catalog import Indicator
from signals.domain.lanes import Lanes, usable_candles
from signals.scan.contexts import larger_matrix, places_of, plain, split, spread_out, step_of
from signals.scan.drive import blocks_run, blocks_stream
from signals.scan.panel import LINE, Panel, aligned
from signals.scan.plan import Plan

TILE = 1024  # candles of a block that all kinds pass over before the next ones: columns are written in long runs
STREAMED = 32 * 1024 * 1024  # bytes of columns from which they are written past the caches
CACHE = 36 * 1024  # bytes of columns that stay in the core's first cache between kinds and what reads them
TILES = (16, 256)  # candles of such a tile, at least and at most
PAYS = 200_000  # lane-candles a thread: below, handing the work over costs more than it saves


def lanes_compute(matrix: CandleMatrix, indicators: Iterable[Indicator], *, on: str | None = None) -> Lanes:
    """One pass over (symbols, time); each distinct indicator is computed once.

    Unusable candles (see `usable_candles`) are NaN in every array that comes back. `on` forces a backend (see
    `backend.columns_compute`).
    """
    wanted, step = list(indicators), step_of(matrix)
    own, larger = split(wanted, step)
    from signals.scan import backend  # it chooses between this module and the GPU's

    plan, panel = Plan.of(own), Panel.of(matrix)
    columns, used = backend.columns_compute(panel, plan, on=on)
    named = {name: panel.by_symbol(columns[:, place]) for place, name in enumerate(plan.columns)}
    for one in wanted:
        named |= {
            name: named[same] for name, same in zip(one.columns, plain(one).columns, strict=True) if same in named
        }
    for minutes, group in larger.items():
        named |= _larger_columns(matrix, minutes, group, step, on)
    return _lanes(matrix, named, used)


def _larger_columns(
    matrix: CandleMatrix, minutes: int, group: list[Indicator], step_ms: int, on: str | None
) -> dict[str, np.ndarray]:
    lanes = lanes_compute(larger_matrix(matrix, minutes), [plain(one) for one in group], on=on)
    places = places_of(matrix.open_time_ms, step_ms, minutes) if matrix.open_time_ms.size else np.empty(0, np.int64)
    usable = usable_candles(matrix.open, matrix.high, matrix.low, matrix.close, matrix.volume)
    return {
        name: np.where(usable, spread_out(lanes[same], places), np.nan)
        for one in group
        for name, same in zip(one.columns, plain(one).columns, strict=True)
    }


def columns_compute(
    panel: Panel, plan: Plan, *, out: np.ndarray | None = None, threads: int | None = None
) -> np.ndarray:
    """Every column of the plan: float64 (blocks, columns, time, WIDTH), NaN where a lane has no value.

    `out` is written to when it is given (from an earlier call with the same shapes). Threads: all cores when left out.
    """
    return panel_run(panel, plan, out=out, threads=threads)[0]


def panel_run(
    panel: Panel, plan: Plan, *, out: np.ndarray | None = None, threads: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The columns, and what each lane keeps to go on from there: float64 (blocks, states, WIDTH)."""
    shape = (panel.blocks, len(plan.columns), *panel.values.shape[2:])
    if out is not None and (out.shape != shape or out.ctypes.data % LINE or not out.flags.c_contiguous):
        raise ValueError(f"out must be what an earlier call with these shapes returned ({shape}).")
    columns = aligned(shape) if out is None else out
    table, numbers = plan.table, plan.numbers
    state = aligned((panel.blocks, max(plan.states, 1), panel.values.shape[3]), fill=0.0)
    frame, tick = frame_of(panel.values, state, columns), panel.first_tick
    streamed, tile, fields = columns.nbytes >= STREAMED, tile_of(shape[1]), np.array(plan.fields, np.int64)

    def work(first: int, last: int) -> None:
        scratch = aligned((shape[1], tile, shape[3])) if streamed else None
        for begin, stop, stretches in runs(panel, first, last):
            _blank(columns[begin:stop], stretches, panel.rows)
            for number, (start, end) in enumerate(stretches):
                if number:
                    state[begin:stop] = 0.0
                if scratch is None:
                    blocks_run(frame, table, numbers, begin, stop, start, end, 0, tick + start, TILE)
                else:
                    blocks_stream(frame, scratch, table, numbers, fields, begin, stop, start, end, tick + start, tile)

    spread(work, panel.blocks, panel.blocks * panel.values.shape[2] * panel.values.shape[3], threads)
    return columns, state


def tile_of(columns: int) -> int:
    """Candles of a tile whose columns stay in the first cache."""
    return max(TILES[0], min(TILES[1], CACHE // (LINE * max(columns, 1)) // 8 * 8))


def frame_of(
    values: np.ndarray, state: np.ndarray, columns: np.ndarray, *, bias: int = 0, masks: np.ndarray | None = None
) -> np.ndarray:
    """The addresses and strides a compiled kind finds its rows by; int64 (13,). The arrays must outlive it.

    values (blocks, fields, rows, WIDTH), state (blocks, states, WIDTH), columns (blocks, columns, rows, WIDTH); `bias`
    is the row number that the columns' first row stands for.
    """
    mask = (0, 0, 0) if masks is None else (masks.ctypes.data, masks.shape[1] * masks.shape[2], masks.shape[2])
    shared = 0 if columns.shape[0] < values.shape[0] else columns.shape[1] * columns.shape[2]
    return np.array(
        [
            values.ctypes.data, values.shape[1] * values.shape[2], values.shape[2],
            state.ctypes.data, state.shape[1],
            columns.ctypes.data, shared, columns.shape[2], bias, *mask, 0,
        ],
        np.int64,
    )  # fmt: skip


def runs(panel: Panel, first: int, last: int) -> Iterable[tuple[int, int, tuple[tuple[int, int], ...]]]:
    """Neighbouring blocks with the same stretches, together."""
    begin = first
    for block in range(first + 1, last + 1):
        if block == last or panel.stretches[block] != panel.stretches[begin]:
            yield begin, block, panel.stretches[begin]
            begin = block


def _blank(columns: np.ndarray, stretches: tuple[tuple[int, int], ...], rows: int) -> None:
    """NaN where no stretch will write."""
    at = 0
    for begin, end in (*stretches, (rows, rows)):
        if begin > at:
            columns[:, :, at:begin] = np.nan
        at = end


def spread(work: Callable[[int, int], None], blocks: int, size: int, threads: int | None) -> None:
    """Call `work(first, last)` for ranges of blocks, on several threads when `size` (lane-candles) makes it pay."""
    wanted = cores() if threads is None else threads
    count = max(1, min(wanted, blocks, size // PAYS if threads is None else wanted))
    edges = [blocks * part // count for part in range(count + 1)]
    if count == 1:
        work(0, blocks)
        return
    pool = _pool(wanted)
    for future in [pool.submit(work, a, b) for a, b in pairwise(edges)]:
        future.result()


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="scan")


def _lanes(matrix: CandleMatrix, columns: dict[str, np.ndarray], backend: str) -> Lanes:
    arrays = (matrix.open, matrix.high, matrix.low, matrix.close, matrix.volume)
    usable = usable_candles(*arrays)
    if not usable.all():
        arrays = tuple(np.where(usable, array, np.nan) for array in arrays)  # type: ignore[assignment]
    return Lanes(*arrays, columns, backend)
