"""How candles lie in memory for a pass: blocks of WIDTH lanes side by side, candle after candle.

Lanes with the same pattern of usable candles share blocks, so that every candle of a block is of one age; a lane that
was listed later, or has a hole, is in a block with its like (or with copies of itself).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from signals.candles.matrix import FIELDS, CandleMatrix
from signals.scan.drive import lanes_pack, lanes_unpack, lanes_usable

WIDTH = 16
LINE = 128  # bytes: a row of WIDTH float64 begins on such a boundary


def aligned(shape: tuple[int, ...], *, fill: float | None = None) -> np.ndarray:
    """An uninitialised float64 array that begins on a LINE boundary (filled when `fill` is given)."""
    count = int(np.prod(shape))
    raw = np.empty(count + LINE // 8)
    skip = (-raw.ctypes.data // 8) % (LINE // 8)
    array = raw[skip : skip + count].reshape(shape)
    if fill is not None:
        array.fill(fill)
    return array


@dataclass(frozen=True)
class Panel:
    """Blocks of lanes.

    values: float64 (blocks, 5, time, WIDTH) in the order of FIELDS; lanes: int64 (blocks, WIDTH), the lane's row in the
    matrix, -1 for a filler; stretches: for each block the unbroken stretches (begin, end) of its candles.
    """

    symbols: tuple[str, ...]
    open_time_ms: np.ndarray
    values: np.ndarray
    lanes: np.ndarray
    stretches: tuple[tuple[tuple[int, int], ...], ...]

    @classmethod
    def of(cls, matrix: CandleMatrix) -> "Panel":
        """The matrix in blocks; unusable candles (see `signals.domain.lanes`) are in no stretch."""
        arrays = [np.ascontiguousarray(getattr(matrix, name), np.float64) for name in FIELDS]
        usable = np.empty(arrays[0].shape, np.bool_)
        opens, high, low, close, volume = arrays
        lanes_usable(opens, high, low, close, volume, usable)
        blocks = list(_blocks(usable))
        lanes = np.full((len(blocks), WIDTH), -1, np.int64)
        for block, (rows, _) in enumerate(blocks):
            lanes[block, : rows.size] = rows
        values = aligned((len(blocks), len(FIELDS), matrix.open_time_ms.size, WIDTH))
        for field, array in enumerate(arrays):
            lanes_pack(array, lanes, values[:, field])
        return cls(matrix.symbols, matrix.open_time_ms, values, lanes, tuple(stretches for _, stretches in blocks))

    @property
    def blocks(self) -> int:
        """How many blocks."""
        return int(self.lanes.shape[0])

    @property
    def rows(self) -> int:
        """How many candles of each lane."""
        return int(self.open_time_ms.size)

    @cached_property
    def first_tick(self) -> int:
        """Number of the first candle on the time grid, counted so that the last candle's number is that of its time."""
        times = self.open_time_ms
        step = int(np.diff(times).min()) if times.size > 1 else 1
        return int(times[-1]) // step - (times.size - 1) if times.size else 0

    @cached_property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """For each lane of the matrix its block and its slot in it; int64 (symbols,) both."""
        block, slot = np.nonzero(self.lanes >= 0)
        order = np.argsort(self.lanes[block, slot])
        return block[order], slot[order]

    def by_symbol(self, column: np.ndarray) -> np.ndarray:
        """(blocks, time, WIDTH) as a new array (symbols, time)."""
        result = np.empty((len(self.symbols), column.shape[1]))
        lanes_unpack(column, self.lanes, result)
        return result


def _blocks(usable: np.ndarray) -> Iterator[tuple[np.ndarray, tuple[tuple[int, int], ...]]]:
    groups: dict[bytes, list[int]] = {}
    if usable.all():
        groups[b""] = list(range(usable.shape[0]))
    else:
        for row in range(usable.shape[0]):
            groups.setdefault(np.packbits(usable[row]).tobytes(), []).append(row)
    for rows in groups.values():
        stretches = _stretches(usable[rows[0]])
        for first in range(0, len(rows), WIDTH):
            yield np.array(rows[first : first + WIDTH], np.int64), stretches


def _stretches(usable: np.ndarray) -> tuple[tuple[int, int], ...]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], usable, [False])).astype(np.int8)))
    return tuple((int(begin), int(end)) for begin, end in zip(edges[::2], edges[1::2], strict=True))
