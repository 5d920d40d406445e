"""The loop around the kinds: blocks, tiles of candles, and the table of the plan."""

import numpy as np

from signals.scan.cache import cache_prepare

cache_prepare()

from numba import njit  # noqa: E402  (the cache folder must be set first)

from signals.scan.vector import call_at  # noqa: E402


@njit(cache=True, nogil=True, error_model="numpy")
def blocks_run(
    frame: np.ndarray, table: np.ndarray, numbers: np.ndarray,
    first: int, last: int, begin: int, end: int, age: int, tick: int, tile: int,
) -> None:  # fmt: skip
    """Compute rows begin..end of blocks first..last with every kind of the table, tile by tile.

    A tile (so many candles of one block) stays in the core's cache while all kinds pass over it, so memory is read
    once. frame: int64, see `frame.Frame`; table: int64 (kinds, 3): address, first state row, first column; numbers:
    float64 (kinds, arguments). All blocks are of the same age at `begin`.
    """
    frame_at, table_at, numbers_at = frame.ctypes.data, table.ctypes.data, numbers.ctypes.data
    entry_size, numbers_size = table.shape[1] * 8, numbers.shape[1] * 8
    for block in range(first, last):
        for start in range(begin, end, tile):
            stop = min(start + tile, end)
            for i in range(table.shape[0]):
                call_at(  # type: ignore[call-arg]
                        table[i, 0], frame_at, table_at + i * entry_size, numbers_at + i * numbers_size,
                        block, block + 1, start, stop, age + start - begin, tick + start - begin)  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def row_run(
    frame: np.ndarray, table: np.ndarray, numbers: np.ndarray, first: int, last: int, row: int, age: int, tick: int
) -> None:  # fmt: skip
    """Compute one row of blocks first..last: each kind passes over all blocks, overlapping in the core."""
    frame_at, table_at, numbers_at = frame.ctypes.data, table.ctypes.data, numbers.ctypes.data
    entry_size, numbers_size = table.shape[1] * 8, numbers.shape[1] * 8
    for i in range(table.shape[0]):
        call_at(  # type: ignore[call-arg]
                table[i, 0], frame_at, table_at + i * entry_size, numbers_at + i * numbers_size,
                first, last, row, row + 1, age, tick)  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def lanes_unpack(column: np.ndarray, lanes: np.ndarray, out: np.ndarray) -> None:
    """Columns (blocks, time, WIDTH) to series by lane: out[lane] gets the slot that lanes (blocks, WIDTH) names,
    fillers (below 0) are left out. out is float64 (symbols, time).
    """
    chunk = 64  # rows that stay in the first cache while their lanes are written
    for block in range(column.shape[0]):
        for begin in range(0, column.shape[1], chunk):
            end = min(begin + chunk, column.shape[1])
            for slot in range(column.shape[2]):
                lane = lanes[block, slot]
                if lane >= 0:
                    for row in range(begin, end):
                        out[lane, row] = column[block, row, slot]


@njit(cache=True, nogil=True, error_model="numpy")
def lanes_pack(series: np.ndarray, lanes: np.ndarray, out: np.ndarray) -> None:
    """The reverse of `lanes_unpack`; a filler repeats the block's first lane. series is float64 (symbols, time)."""
    chunk = 64
    for block in range(out.shape[0]):
        for begin in range(0, out.shape[1], chunk):
            end = min(begin + chunk, out.shape[1])
            for slot in range(out.shape[2]):
                lane = lanes[block, slot] if lanes[block, slot] >= 0 else lanes[block, 0]
                for row in range(begin, end):
                    out[block, row, slot] = series[lane, row]
