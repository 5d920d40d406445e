"""The loop around the kinds: blocks, tiles of candles, and the table of the plan."""

from typing import Any

import numpy as np

from signals.scan.cache import cache_prepare

cache_prepare()

from numba import njit  # noqa: E402  (the cache folder must be set first)

from signals.domain.indicators.language import NAN, select  # noqa: E402
from signals.scan import memory  # noqa: E402

call_at: Any = memory.call_at
word_at: Any = memory.word_at
word_put: Any = memory.word_put
number_at: Any = memory.number_at
prefetch_at: Any = memory.prefetch_at
stream_at: Any = memory.stream_at
streams_end: Any = memory.streams_end
rows_at: Any = memory.rows_at
LARGEST = 1.7976931348623157e308
ROW = 16  # where the present row stands in `control`
LINE = 64  # bytes that memory is read by
SETTLED_AGE = 1 << 30  # what a kind is told of a lane that is past every warm-up


@njit(cache=True, nogil=True, error_model="numpy")
def blocks_run(
    frame: np.ndarray, table: np.ndarray, numbers: np.ndarray,
    first: int, last: int, begin: int, end: int, age: int, tick: int, tile: int,
) -> None:  # fmt: skip
    """Compute rows begin..end of blocks first..last with every kind of the table, tile by tile.

    A tile (so many candles of one block) stays in the core's cache while all kinds pass over it, so memory is read
    once. frame: int64, see `pass_cpu.frame_of`; table: int64 (kinds, 3): address, first state row, first column;
    numbers: float64 (kinds, arguments). All blocks are of the same age at `begin`.
    """
    frame_at, table_at, numbers_at = frame.ctypes.data, table.ctypes.data, numbers.ctypes.data
    entry_size, numbers_size = table.shape[1] * 8, numbers.shape[1] * 8
    for block in range(first, last):
        for start in range(begin, end, tile):
            stop = min(start + tile, end)
            for i in range(table.shape[0]):
                call_at(
                        table[i, 0], frame_at, table_at + i * entry_size, numbers_at + i * numbers_size,
                        block, block + 1, start, stop, age + start - begin, tick + start - begin)  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def blocks_stream(
    frame: np.ndarray, scratch: np.ndarray, table: np.ndarray, numbers: np.ndarray, fields: np.ndarray,
    first: int, last: int, begin: int, end: int, tick: int, tile: int,
) -> None:  # fmt: skip
    """The same as `blocks_run` from the beginning of a stretch, for columns that are larger than the caches: a tile is
    computed in `scratch`, float64 (columns, tile, WIDTH), and written from there past them. fields: int64, the numbers
    of the inputs that are read.
    """
    own = frame.copy()
    own[5], own[6], own[7] = scratch.ctypes.data, 0, scratch.shape[1]
    frame_at, table_at, numbers_at = own.ctypes.data, table.ctypes.data, numbers.ctypes.data
    entry_size, numbers_size, kinds = table.shape[1] * 8, numbers.shape[1] * 8, table.shape[0]
    for block in range(first, last):
        for start in range(begin, end, tile):
            stop = min(start + tile, end)
            own[8] = start
            ahead, after = (block, stop) if stop < end else (min(block + 1, last - 1), begin)
            for i in range(kinds):
                inputs_fetch(own, fields, ahead, after, min(after + tile, end), i, kinds)
                call_at(
                        table[i, 0], frame_at, table_at + i * entry_size, numbers_at + i * numbers_size,
                        block, block + 1, start, stop, start - begin, tick + start - begin)  # fmt: skip
            for column in range(scratch.shape[0]):
                made = rows_at(own[5], column * own[7])
                series = rows_at(frame[5], block * frame[6] + column * frame[7])
                for row in range(start, stop):
                    stream_at(series, row, made[row - start])
    streams_end()


@njit(cache=True, nogil=True, error_model="numpy")
def row_run(control: int, row: int, tick: int) -> None:
    """Move every block of settled lanes on by one row: all kinds, then all formulas.

    Each kind passes over all blocks, whose work overlaps in the core's pipelines. control: address
    of what `control_of` made, because handing arrays to compiled code costs more than the arithmetic.
    """
    frame_at, blocks = word_at(control, 0), word_at(control, 1)
    for part in (2, 7):
        at, size = word_at(control, part), word_at(control, part + 2)
        numbers_at, numbers_size = word_at(control, part + 3), word_at(control, part + 4)
        for i in range(word_at(control, part + 1)):
            call_at(
                    word_at(at + i * size, 0), frame_at, at + i * size, numbers_at + i * numbers_size,
                    0, blocks, row, row + 1, SETTLED_AGE, tick)  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def block_run(frame_at: int, entry_at: int, told_at: int, block: int, begin: int, end: int) -> None:
    """One formula (addresses of the frame, of its entry and of its numbers) over rows begin..end of one block."""
    call_at(word_at(entry_at, 0), frame_at, entry_at, told_at, block, block + 1, begin, end, SETTLED_AGE, 0)


@njit(cache=True, nogil=True, error_model="numpy")
def details_run(frame_at: int, wanted: np.ndarray, first: int, row: int, out: np.ndarray) -> None:
    """What whole formulas write at one row. wanted int64 (hits, 4): block, slot, addresses of the formula's entry and
    of its numbers; first: the column they begin to write at; out float64 (hits, n): confidence and details.
    """
    columns_at, block_rows, rows = word_at(frame_at, 5), word_at(frame_at, 6), word_at(frame_at, 7)
    for hit in range(wanted.shape[0]):
        block, slot = wanted[hit, 0], wanted[hit, 1]
        block_run(frame_at, wanted[hit, 2], wanted[hit, 3], block, row, row + 1)
        for place in range(out.shape[1]):
            at = block * block_rows + (first + place) * rows + row - word_at(frame_at, 8)
            out[hit, place] = number_at(columns_at, at * memory.WIDTH + slot)


@njit(cache=True, nogil=True, error_model="numpy")
def blocks_decide(
    frame: np.ndarray, scratch: np.ndarray, table: np.ndarray, numbers: np.ndarray, rules: np.ndarray, told: np.ndarray,
    fields: np.ndarray, first: int, last: int, begin: int, end: int, tick: int, tile: int, lookback: int,
) -> None:  # fmt: skip
    """Decide rows begin..end of blocks first..last: columns exist only for a tile, in `scratch`, and masks are written.

    scratch: float64 (columns, lookback + tile, WIDTH), the columns of `frame` (with block stride 0); rules: int64
    (rules, n) entries of compiled formulas; told: float64 (rules, n) their numbers; fields: int64, the numbers of the
    inputs that are read. A stretch begins at `begin`.
    """
    own = frame.copy()
    kinds = table.shape[0]
    frame_at, table_at, numbers_at = own.ctypes.data, table.ctypes.data, numbers.ctypes.data
    entry_size, numbers_size = table.shape[1] * 8, numbers.shape[1] * 8
    rules_at, rule_size, told_at, told_size = rules.ctypes.data, rules.shape[1] * 8, told.ctypes.data, told.shape[1] * 8
    for block in range(first, last):
        for start in range(begin, end, tile):
            stop = min(start + tile, end)
            own[8] = start - lookback
            ahead, after = (block, stop) if stop < end else (min(block + 1, last - 1), begin)
            for i in range(kinds):
                inputs_fetch(own, fields, ahead, after, min(after + tile, end), i, kinds)
                call_at(
                        table[i, 0], frame_at, table_at + i * entry_size, numbers_at + i * numbers_size,
                        block, block + 1, start, stop, start - begin, tick + start - begin)  # fmt: skip
            ready = max(start, begin + lookback)
            for i in range(rules.shape[0]):
                call_at(
                        rules[i, 0], frame_at, rules_at + i * rule_size, told_at + i * told_size,
                        block, block + 1, ready, stop, start - begin, start)  # fmt: skip
            for column in range(scratch.shape[0]):
                for row in range(lookback):
                    for slot in range(scratch.shape[2]):
                        scratch[column, row, slot] = scratch[column, stop - start + row, slot]


@njit(cache=True, nogil=True, error_model="numpy")
def inputs_fetch(
    frame: np.ndarray, fields: np.ndarray, block: int, begin: int, end: int, part: int, parts: int
) -> None:  # fmt: skip
    """Ask for one of so many parts of the inputs of the tile to come: asked for all at once, they would queue up and
    the arithmetic would wait behind them.
    """
    lines = memory.WIDTH * 8 // LINE
    share = (end - begin) * lines // parts + 1
    for field in fields:
        at = frame[0] + ((block * frame[1] + field * frame[2] + begin) * lines + part * share) * LINE
        for line in range(share):
            prefetch_at(at + line * LINE)


@njit(cache=True, nogil=True, error_model="numpy")
def lanes_usable(
    opens: np.ndarray, high: np.ndarray, low: np.ndarray, close: np.ndarray, volume: np.ndarray, out: np.ndarray
) -> None:  # fmt: skip
    """`signals.domain.lanes.usable_candles` in one pass over memory; all (symbols, time), out is bool."""
    for lane in range(out.shape[0]):
        for t in range(out.shape[1]):
            good = (low[lane, t] > 0.0) & (low[lane, t] <= high[lane, t]) & (high[lane, t] <= LARGEST)
            good = good & (opens[lane, t] > 0.0) & (opens[lane, t] <= LARGEST)
            good = good & (close[lane, t] > 0.0) & (close[lane, t] <= LARGEST)
            out[lane, t] = good & (volume[lane, t] >= 0.0) & (volume[lane, t] <= LARGEST)


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


@njit(cache=True, nogil=True, error_model="numpy")
def row_push(control: int, tick: int) -> None:
    """Take the candles of the inbox into the next row of the blocks and move the lanes on (see `row_run`).

    inbox float64 (blocks, 5, WIDTH) and steady float64 (blocks, WIDTH; 1 or 0) lie where `control` says. A lane
    without a usable candle stops being steady; it repeats the row before, and what is computed from that is not looked
    at. The inbox is emptied.
    """
    row = room_make(control)
    frame_at, inbox_at, steady_at = word_at(control, 0), word_at(control, 12), word_at(control, 13)
    fields_at, fields = word_at(control, 14), word_at(control, 15)
    values_at, block_rows, rows = word_at(frame_at, 0), word_at(frame_at, 1), word_at(frame_at, 2)
    for block in range(word_at(control, 1)):
        values, inbox = rows_at(values_at, block * block_rows), rows_at(inbox_at, block * 5)
        steady = rows_at(steady_at, block)
        first, high, low, close, volume = inbox[0], inbox[1], inbox[2], inbox[3], inbox[4]
        good = (low > 0.0) & (low <= high) & (high <= LARGEST) & (first > 0.0) & (first <= LARGEST)
        good = good & (close > 0.0) & (close <= LARGEST) & (volume >= 0.0) & (volume <= LARGEST) & (steady[0] > 0.5)
        steady[0] = select(good, 1.0, 0.0)
        for n in range(fields):
            place = word_at(fields_at, n)
            at = place * rows + row
            values[at] = select(good, inbox[place], values[at - 1])
        for place in range(5):
            inbox[place] = NAN
    row_run(control, row, tick)
    word_put(control, ROW, row)


@njit(cache=True, nogil=True, error_model="numpy")
def room_make(control: int) -> int:
    """The row of the next candle; where there is none left, the rows that are still needed move to the front."""
    frame_at, row = word_at(control, 0), word_at(control, ROW) + 1
    blocks, kept, lookback = word_at(control, 1), word_at(control, 17), word_at(control, 18)
    bias = word_at(frame_at, 8)
    if row == word_at(frame_at, 2):
        values_at, block_rows, rows = word_at(frame_at, 0), word_at(frame_at, 1), word_at(frame_at, 2)
        fields_at = word_at(control, 14)
        for block in range(blocks):
            for n in range(word_at(control, 15)):
                series = rows_at(values_at, block * block_rows + word_at(fields_at, n) * rows)
                for t in range(kept):
                    series[t] = series[row - kept + t]
        row, bias = kept, bias - (row - kept)
    if row - bias == word_at(frame_at, 7):
        columns_at, rows = word_at(frame_at, 5), word_at(frame_at, 7)
        for series_number in range(blocks * (word_at(frame_at, 6) // rows)):
            series = rows_at(columns_at, series_number * rows)
            for t in range(lookback):
                series[t] = series[rows - lookback + t]
        bias = row - lookback
    word_put(frame_at, 8, bias)
    word_put(frame_at, 12, bias)
    word_put(control, ROW, row - 1)
    return row


@njit(cache=True, nogil=True, error_model="numpy")
def periods_fold(values: np.ndarray, usable: np.ndarray, period: np.ndarray, out: np.ndarray) -> None:
    """Candles into larger ones, in the order of time: values float64 (5, symbols, time), usable bool (symbols, time),
    period int64 (time,), the larger candle each belongs to (below 0: to none), out float64 (5, symbols, periods), NaN
    where nothing was usable.
    """
    out[:] = np.nan
    for symbol in range(usable.shape[0]):
        for row in range(usable.shape[1]):
            at = period[row]
            if at >= 0 and usable[symbol, row]:
                candle_fold(values[:, symbol, row], out[:, symbol, at])


@njit(cache=True, nogil=True, error_model="numpy")
def candle_fold(candle: np.ndarray, into: np.ndarray) -> None:
    """One candle into a larger one (both float64 (5,)); NaN at its first."""
    if np.isnan(into[3]):
        into[:] = candle
    else:
        into[1] = max(into[1], candle[1])
        into[2] = min(into[2], candle[2])
        into[3] = candle[3]
        into[4] += candle[4]


def control_of(
    frame: np.ndarray, blocks: int, table: np.ndarray, numbers: np.ndarray, entries: np.ndarray, told: np.ndarray,
    inbox: np.ndarray, steady: np.ndarray, fields: np.ndarray, kept: int, lookback: int,
) -> np.ndarray:  # fmt: skip
    """What `row_push` needs, as int64 (19,): the frame's address, how many blocks, and of both tables address, entries,
    bytes an entry, address of the numbers, bytes a row of them; then where the inbox, the flags and the numbers of the
    inputs that are read lie, how many of these, the present row, and how many rows before it inputs and columns are
    kept. The arrays must outlive it.
    """
    parts = [frame.ctypes.data, blocks]
    for rows, beside in ((table, numbers), (entries, told)):
        parts += [rows.ctypes.data, rows.shape[0], rows.shape[1] * 8, beside.ctypes.data, beside.shape[1] * 8]
    parts += [inbox.ctypes.data, steady.ctypes.data, fields.ctypes.data, fields.size, -1, kept, lookback]
    return np.array(parts, np.int64)
