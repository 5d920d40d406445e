"""Lanes kept alive: every indicator's state of every symbol, moved on by one candle in a time that does not depend on
how much history lies behind it.

A lane is steady once its present stretch of candles is longer than everything warms up; steady lanes are moved on
together, 16 at a time, by the same compiled kinds that compute whole series, so nothing can drift apart. The others
(newly listed, or interrupted not long ago) are computed from their few candles. When a candle came late, was corrected
or is missing, that lane alone is rebuilt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from signals.candles.matrix import FIELDS, CandleMatrix
from signals.domain.indicators.catalog import Indicator
from signals.domain.lanes import usable_candles
from signals.domain.timeframes import MINUTE_MS
from signals.scan.contexts import larger_matrix, places_of, plain, spread_out
from signals.scan.decisions import DecisionPlan
from signals.scan.drive import ROW, block_run, control_of, details_run, periods_fold, room_make, row_push
from signals.scan.panel import WIDTH, Panel, aligned
from signals.scan.pass_cpu import frame_of, lanes_compute, panel_run
from signals.scan.plan import Plan

VALUE_SPARE = 128  # rows of candles that are taken before the kept ones are moved to the front again
COLUMN_SPARE = 8  # rows of columns that are written before the last ones are moved to the front again: few, so that
# they stay in the core's cache


@dataclass(slots=True)
class LiveLanes:
    """The lanes of one exchange and timeframe. Not thread-safe: its owner serialises access.

    Symbol n lives in block n // WIDTH, slot n % WIDTH. `row` is the newest candle's row in `values`; columns and masks
    of the newest candles are in `columns` and `masks` at row - bias. Only inputs that are read are kept.
    """

    symbols: tuple[str, ...]
    decisions: DecisionPlan
    step_ms: int
    values: np.ndarray = field(init=False)
    columns: np.ndarray = field(init=False)
    masks: np.ndarray = field(init=False)
    state: np.ndarray = field(init=False)
    inbox: np.ndarray = field(init=False)
    flags: np.ndarray = field(init=False)  # float64 (blocks, WIDTH): 1 where a lane is steady
    anchor_ms: np.ndarray = field(init=False)
    last_ms: int = 0
    larger: list["Larger"] = field(init=False)
    frame: np.ndarray = field(init=False)
    control: np.ndarray = field(init=False)
    control_at: int = field(init=False)  # its address
    frame_at: int = field(init=False)
    masks_at: list[tuple[int, int]] = field(init=False)  # of each formula the addresses of its entry and its numbers
    wholes_at: list[tuple[int, int]] = field(init=False)
    steady_age: int = field(init=False)
    kept: int = field(init=False)  # candles before the present one that kinds may read
    fields: np.ndarray = field(init=False)  # int64, the numbers of the inputs that are read

    def __post_init__(self) -> None:
        blocks = max(-(-len(self.symbols) // WIDTH), 1)
        plan = self.decisions.plan
        self.steady_age = self.kept = plan.settled + self.decisions.lookback
        self.values = aligned((blocks, len(FIELDS), self.kept + max(self.kept, VALUE_SPARE), WIDTH), fill=1.0)
        width = max(self.decisions.width + self.decisions.details, 1)
        rows = self.decisions.lookback + COLUMN_SPARE
        self.columns = aligned((blocks, width, rows, WIDTH), fill=np.nan)
        self.masks = np.zeros((blocks, max(2 * len(self.decisions.formulas), 1), rows), np.uint16)
        self.state = aligned((blocks, max(plan.states, 1), WIDTH), fill=0.0)
        self.inbox = aligned((blocks, len(FIELDS), WIDTH), fill=np.nan)
        self.flags = aligned((blocks, WIDTH), fill=0.0)
        self.anchor_ms = np.zeros(len(self.symbols), np.int64)
        self.frame = frame_of(self.values, self.state, self.columns, masks=self.masks)
        made = self.decisions
        self.fields = np.array(made.fields, np.int64)
        self.control = control_of(
            self.frame, blocks, plan.table, plan.numbers, made.entries, made.told, self.inbox, self.flags, self.fields,
            self.kept, made.lookback,
        )  # fmt: skip
        self.control_at, self.frame_at = self.control.ctypes.data, self.frame.ctypes.data
        self.masks_at = _addresses(made.entries, made.told)
        self.wholes_at = _addresses(made.whole_entries, made.whole_told)
        self.larger = [Larger(self, minutes, group) for minutes, group in made.larger]

    def rebuild(self, matrix: CandleMatrix, symbols: Iterable[str] | None = None) -> None:
        """Take the lanes of these symbols (all without `symbols`) from a matrix whose last candle is the present one.

        The matrix has all symbols of the lanes. With all symbols, the present candle becomes the matrix's last one.
        """
        if symbols is not None and not (symbols := list(symbols)):
            return
        recent = matrix.pick(self.symbols)
        if symbols is None:
            self._begin(recent)
        for one in self.larger:
            one.rebuild(recent)
        wanted = range(len(self.symbols)) if symbols is None else [self.symbols.index(one) for one in symbols]
        for first in range(0, len(wanted), 4 * WIDTH):  # few at a time: the columns of a whole series take memory
            self._settle(recent, list(wanted[first : first + 4 * WIDTH]))
        made = self.decisions
        for block in sorted({place // WIDTH for place in wanted}):
            for formula in range(len(made.formulas)):
                block_run(self.frame_at, *self.masks_at[formula], block, self.row, self.row + 1)

    def push(self, open_ms: int) -> None:
        """Take the next candle of every symbol from `inbox` (NaN where a symbol has none) and empty it.

        Raises ValueError when `open_ms` does not follow the present candle.
        """
        if open_ms != self.last_ms + self.step_ms:
            raise ValueError(f"The candle of {open_ms} does not follow the one of {self.last_ms}.")
        if self.larger:
            row = room_make(self.control_at)
            for one in self.larger:
                one.push(open_ms, row - self.bias)
        row_push(self.control_at, open_ms // self.step_ms)
        self.last_ms = open_ms

    def put(self, candles: Iterable[np.ndarray]) -> None:
        """Fill `inbox` from candles by symbol: five float64 arrays (symbols,)."""
        blocks = self.inbox.shape[0]
        padded = np.full((len(FIELDS), blocks * WIDTH), np.nan)
        for number, values in enumerate(candles):
            padded[number, : len(self.symbols)] = values
        self.inbox[:] = padded.reshape(len(FIELDS), blocks, WIDTH).transpose(1, 0, 2)

    @property
    def row(self) -> int:
        """The present candle's row in `values`."""
        return int(self.control[ROW])

    @property
    def bias(self) -> int:
        """The row of `values` that the first row of `columns` and `masks` stands for."""
        return int(self.frame[8])

    @property
    def steady(self) -> np.ndarray:
        """Bool (symbols,): which lanes are moved on by every candle."""
        return self.flags.reshape(-1)[: len(self.symbols)] > 0.5

    @property
    def all_steady(self) -> bool:
        """Whether every lane is, here and on the larger candles."""
        return self.flags.sum() == len(self.symbols) and all(one.lanes.all_steady for one in self.larger)

    def young(self) -> list[str]:
        """Symbols that are not steady: what all formulas say of them is not in the masks."""
        return [] if self.all_steady else [self.symbols[place] for place in np.flatnonzero(~self.steady)]

    def pending(self) -> list[list[str]]:
        """For each formula the symbols of which its decision is not in the masks: they are not steady, here or on the
        larger candles that it reads.
        """
        if self.all_steady:
            return [[]] * len(self.decisions.wholes)
        return [[self.symbols[n] for n in np.flatnonzero(~settled)] for settled in self._settled()]

    def _settled(self) -> list[np.ndarray]:
        """For each formula: bool (symbols,)."""
        steady = self.steady
        answers = [steady] * len(self.decisions.wholes)
        for one in self.larger:
            both = steady & one.lanes.steady
            for number, formula in enumerate(self.decisions.wholes):
                if one.names & set(formula.columns):
                    answers[number] = answers[number] & both
        return answers

    def larger_from(self, formula: int) -> int | None:
        """Open time of the first candle behind the larger candles that a formula reads; None: it reads none."""
        names = set(self.decisions.wholes[formula].columns)
        return min((one.from_ms for one in self.larger if one.names & names), default=None)

    def hits(self) -> list[tuple[int, int, int]]:
        """(symbol, formula, side) of every decision of a steady lane at the present candle; side 1 buy, -1 sell."""
        found: list[tuple[int, int, int]] = []
        settled = None if self.all_steady else self._settled()
        for block, bits in enumerate(self.masks[:, :, self.row - self.bias].tolist()):
            for number, here in enumerate(bits):
                alone = here & ~bits[number ^ 1] if here else 0
                while alone:
                    symbol = block * WIDTH + (alone & -alone).bit_length() - 1
                    alone &= alone - 1
                    formula, side = divmod(number, 2)
                    if symbol < len(self.symbols) and (settled is None or settled[formula][symbol]):
                        found.append((symbol, formula, -1 if side else 1))
        return found

    def details(self, hits: Sequence[tuple[int, int]]) -> list[dict[str, float]]:
        """Confidence and details of each hit (symbol, formula), by name."""
        made = self.decisions
        wanted = [(symbol // WIDTH, symbol % WIDTH, *self.wholes_at[formula]) for symbol, formula in hits]
        out = np.empty((len(hits), made.details))
        details_run(self.frame_at, np.array(wanted, np.int64).reshape(-1, 4), made.width, self.row, out)
        return [
            dict(zip(made.wholes[n].details, line, strict=False))
            for (_, n), line in zip(hits, out.tolist(), strict=True)
        ]

    def column(self, name: str, length: int = 1) -> np.ndarray:
        """The newest values of one indicator column: float64 (symbols, length), NaN for lanes that are not steady."""
        place, end = self.decisions.column_of[name], self.row - self.bias + 1
        newest = self.columns[:, place, end - length : end].transpose(0, 2, 1).reshape(-1, length)[: len(self.symbols)]
        return np.where(self.steady[:, None], newest, np.nan)

    def _begin(self, recent: CandleMatrix) -> None:
        self.control[ROW] = min(recent.open_time_ms.size, self.kept) - 1
        self.last_ms = int(recent.open_time_ms[-1])
        self.frame[8] = self.frame[12] = self.row - self.decisions.lookback
        self.flags[:] = 0.0

    def _settle(self, recent: CandleMatrix, wanted: list[int]) -> None:
        """Compute these lanes whole, and put what they keep into their slots."""
        part = recent.pick([self.symbols[place] for place in wanted])
        panel = Panel.of(part)
        columns, state = panel_run(panel, self.decisions.plan, threads=1)
        blocks, slots = panel.places
        length = panel.rows
        near = min(length, self.row + 1)
        rows = slice(self.row - near + 1, self.row + 1)
        kept = self.decisions.lookback + 1
        for lane, place in enumerate(wanted):
            block, slot = divmod(place, WIDTH)
            begin, end = panel.stretches[blocks[lane]][-1] if panel.stretches[blocks[lane]] else (length, 0)
            steady = end == length and end - begin >= self.steady_age
            self.flags[block, slot] = steady
            self.anchor_ms[place] = int(panel.open_time_ms[begin]) if end == length else 0
            if steady:
                self.values[block, :, rows, slot] = panel.values[blocks[lane], :, -near:, slots[lane]]
                self.state[block, :, slot] = state[blocks[lane], :, slots[lane]]
                at = self.row - self.bias
                names = slice(0, len(self.decisions.plan.columns))
                self.columns[block, names, at - kept + 1 : at + 1, slot] = columns[blocks[lane], :, -kept:, slots[lane]]


def _addresses(entries: np.ndarray, told: np.ndarray) -> list[tuple[int, int]]:
    first, beside = entries.ctypes.data, told.ctypes.data
    return [(first + n * entries.strides[0], beside + n * told.strides[0]) for n in range(len(entries))]


class Larger:
    """Lanes of larger candles beside a scan's own: moved on when one closes, and read by its formulas in between."""

    def __init__(self, owner: LiveLanes, minutes: int, group: tuple[Indicator, ...]) -> None:
        plan = Plan.of(plain(one) for one in group)
        self.owner, self.minutes, self.length = owner, minutes, minutes * MINUTE_MS
        self.lanes = LiveLanes(owner.symbols, DecisionPlan(plan, (), plan.column_of, (), ()), self.length)
        self.place = owner.decisions.column_of[group[0].columns[0]]
        self.names = {name for one in group for name in one.columns}
        self.from_ms = 0  # open time of the first candle that they are folded from
        self.running = np.full((len(FIELDS), len(owner.symbols)), np.nan)  # the larger candle that has not closed

    def rebuild(self, matrix: CandleMatrix) -> None:
        """Take everything from the owner's matrix, and fill the owner's newest columns."""
        owner, times = self.owner, matrix.open_time_ms
        larger = larger_matrix(matrix, self.minutes)
        self.from_ms = int(times[0])
        if larger.open_time_ms.size:
            self.lanes.rebuild(larger)
        begun = (int(times[-1]) + owner.step_ms) // self.length * self.length
        self.running.fill(np.nan)
        rows = times >= begun
        values = np.stack([getattr(matrix, name)[:, rows] for name in FIELDS])
        if rows.any():
            out = self.running[:, :, None].copy()
            periods_fold(values, usable_candles(*values), np.zeros(int(rows.sum()), np.int64), out)
            self.running[:] = out[:, :, 0]
        self._fill_from(matrix, larger)

    def push(self, open_ms: int, row: int) -> None:
        """Take the owner's next candle from its inbox, and write what its formulas will read into row `row`."""
        inbox = self.owner.inbox.transpose(1, 0, 2).reshape(len(FIELDS), -1)[:, : len(self.owner.symbols)]
        _fold(self.running, inbox)
        if (open_ms + self.owner.step_ms) % self.length == 0:
            self.lanes.put(self.running)
            self.lanes.push(open_ms + self.owner.step_ms - self.length)
            self.running.fill(np.nan)
        count, at = len(self.lanes.decisions.plan.columns), self.lanes.row - self.lanes.bias
        steady = self.lanes.flags[:, None, :] > 0.5
        newest = np.where(steady, self.lanes.columns[:, :count, at], np.nan)
        self.owner.columns[:, self.place : self.place + count, row] = newest

    def _fill_from(self, matrix: CandleMatrix, larger: CandleMatrix) -> None:
        owner, plan = self.owner, self.lanes.decisions.plan
        near = min(owner.decisions.lookback + 1, matrix.open_time_ms.size)
        places = places_of(matrix.open_time_ms, owner.step_ms, self.minutes)[-near:]
        computed = lanes_compute(larger, plan.indicators)
        at = owner.row - owner.bias + 1
        for number, name in enumerate(plan.columns):
            values = np.full((owner.columns.shape[0] * WIDTH, near), np.nan)
            values[: len(owner.symbols)] = spread_out(computed[name], places)
            blocks = values.reshape(-1, WIDTH, near).transpose(0, 2, 1)
            owner.columns[:, self.place + number, at - near : at] = blocks


def _fold(running: np.ndarray, candle: np.ndarray) -> None:
    """The usable ones of candles (5, symbols) into the larger ones that are running, as `drive.candle_fold` does."""
    good = usable_candles(*candle)
    first = good & np.isnan(running[3])
    later = good & ~first
    running[:, first] = candle[:, first]
    running[1, later] = np.maximum(running[1, later], candle[1, later])
    running[2, later] = np.minimum(running[2, later], candle[2, later])
    running[3, later] = candle[3, later]
    running[4, later] += candle[4, later]
