"""Lanes kept alive: every indicator's state of every symbol, moved on by one candle in a time that does not depend on
how much history lies behind it.

A lane is steady once its present stretch of candles is longer than everything warms up; steady lanes are moved on
together, 16 at a time, by the same compiled kinds that compute whole series, so nothing can drift apart. The others
(newly listed, or interrupted not long ago) are computed from their few candles. When a candle came late, was corrected
or is missing, that lane alone is rebuilt.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from signals.candles.matrix import FIELDS, CandleMatrix
from signals.scan.decisions import DecisionPlan
from signals.scan.drive import block_run, control_of, row_push
from signals.scan.panel import WIDTH, Panel, aligned
from signals.scan.pass_cpu import frame_of, panel_run

COLUMN_SPARE = 16  # rows of columns that are written before the last ones are moved to the front again: few, so that
# they stay in the core's cache


@dataclass(slots=True)
class LiveLanes:
    """The lanes of one exchange and timeframe. Not thread-safe: its owner serialises access.

    Symbol n lives in block n // WIDTH, slot n % WIDTH. `row` is the newest candle's row in `values`; columns and masks
    of the newest candles are in `columns` and `masks` at row - bias.
    """

    symbols: tuple[str, ...]
    decisions: DecisionPlan
    step_ms: int
    values: np.ndarray = field(init=False)
    columns: np.ndarray = field(init=False)
    masks: np.ndarray = field(init=False)
    state: np.ndarray = field(init=False)
    inbox: np.ndarray = field(init=False)
    steady: np.ndarray = field(init=False)
    _steady: np.ndarray = field(init=False)
    anchor_ms: np.ndarray = field(init=False)
    last_ms: int = 0
    row: int = -1
    bias: int = 0
    last_row: int = 0  # the first row for which there is no place yet
    frame: np.ndarray = field(init=False)
    control: np.ndarray = field(init=False)
    steady_age: int = field(init=False)
    kept: int = field(init=False)  # candles before the present one that kinds may read

    def __post_init__(self) -> None:
        blocks = max(-(-len(self.symbols) // WIDTH), 1)
        plan = self.decisions.plan
        self.steady_age = self.kept = plan.settled + self.decisions.lookback
        self.values = aligned((blocks, len(FIELDS), 2 * self.kept, WIDTH), fill=1.0)
        width = max(len(plan.columns) + self.decisions.details, 1)
        rows = self.decisions.lookback + COLUMN_SPARE
        self.columns = aligned((blocks, width, rows, WIDTH), fill=np.nan)
        self.masks = np.zeros((blocks, max(2 * len(self.decisions.formulas), 1), rows), np.uint16)
        self.state = aligned((blocks, max(plan.states, 1), WIDTH), fill=0.0)
        self.inbox = np.full((blocks, len(FIELDS), WIDTH), np.nan)
        self._steady = np.zeros((blocks, WIDTH), bool)
        self.steady = self._steady.reshape(-1)[: len(self.symbols)]
        self.anchor_ms = np.zeros(len(self.symbols), np.int64)
        self.frame = frame_of(self.values, self.state, self.columns, masks=self.masks)
        made = self.decisions
        self.control = control_of(self.frame, blocks, plan.table, plan.numbers, made.entries, made.told)

    def rebuild(self, matrix: CandleMatrix, symbols: Iterable[str] | None = None) -> None:
        """Take the lanes of these symbols (all without `symbols`) from a matrix whose last candle is the present one.

        The matrix has all symbols of the lanes. With all symbols, the present candle becomes the matrix's last one.
        """
        recent = matrix.pick(self.symbols)
        if symbols is None:
            self._begin(recent)
        wanted = range(len(self.symbols)) if symbols is None else [self.symbols.index(one) for one in symbols]
        for first in range(0, len(wanted), 4 * WIDTH):  # few at a time: the columns of a whole series take memory
            self._settle(recent, list(wanted[first : first + 4 * WIDTH]))
        made = self.decisions
        for block in sorted({place // WIDTH for place in wanted}):
            for formula in range(len(made.formulas)):
                block_run(self.frame, made.entries, made.told, formula, block, self.row, self.row + 1)

    def push(self, open_ms: int) -> None:
        """Take the next candle of every symbol from `inbox` (NaN where a symbol has none) and empty it.

        Raises ValueError when `open_ms` does not follow the present candle.
        """
        if open_ms != self.last_ms + self.step_ms:
            raise ValueError(f"The candle of {open_ms} does not follow the one of {self.last_ms}.")
        row = self.row + 1
        if row == self.last_row:
            self._room()
            row = self.row + 1
        row_push(self.control, self.values, self.inbox, self._steady, row, open_ms // self.step_ms)
        self.row, self.last_ms = row, open_ms

    def put(self, candles: np.ndarray) -> None:
        """Fill `inbox` from candles by symbol: float64 (5, symbols)."""
        blocks = self.inbox.shape[0]
        padded = np.full((len(FIELDS), blocks * WIDTH), np.nan)
        padded[:, : len(self.symbols)] = candles
        self.inbox[:] = padded.reshape(len(FIELDS), blocks, WIDTH).transpose(1, 0, 2)

    def young(self) -> list[str]:
        """Symbols that are not steady: their decisions are not in the masks."""
        return [self.symbols[place] for place in np.flatnonzero(~self.steady)]

    def hits(self) -> list[tuple[int, int, int]]:
        """(symbol, formula, side) of every decision of a steady lane at the present candle; side 1 buy, -1 sell."""
        bits = self.masks[:, :, self.row - self.bias]
        found: list[tuple[int, int, int]] = []
        for block, number in zip(*np.nonzero(bits), strict=True):
            formula, side = divmod(int(number), 2)
            other = int(bits[block, number ^ 1])
            alone = int(bits[block, number]) & ~other
            for slot in range(WIDTH):
                symbol = int(block) * WIDTH + slot
                if alone >> slot & 1 and symbol < len(self.symbols) and self.steady[symbol]:
                    found.append((symbol, formula, -1 if side else 1))
        return found

    def details(self, symbol: int, formula: int) -> dict[str, float]:
        """Confidence and details of a hit, by name."""
        made, (block, slot) = self.decisions, divmod(symbol, WIDTH)
        block_run(self.frame, made.whole_entries, made.whole_told, formula, block, self.row, self.row + 1)
        names, first = made.wholes[formula].details, len(made.plan.columns)
        numbers = self.columns[block, first : first + len(names), self.row - self.bias, slot].tolist()
        return dict(zip(names, numbers, strict=True))

    def column(self, name: str, length: int = 1) -> np.ndarray:
        """The newest values of one indicator column: float64 (symbols, length), NaN for lanes that are not steady."""
        place, end = self.decisions.plan.column_of[name], self.row - self.bias + 1
        newest = self.columns[:, place, end - length : end].transpose(0, 2, 1).reshape(-1, length)[: len(self.symbols)]
        return np.where(self.steady[:, None], newest, np.nan)

    def _begin(self, recent: CandleMatrix) -> None:
        self.row = min(recent.open_time_ms.size, self.kept) - 1
        self.last_ms = int(recent.open_time_ms[-1])
        self.bias = self.row - self.decisions.lookback
        self._placed()
        self.steady[:] = False

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
            self.steady[place] = end == length and end - begin >= self.steady_age
            self.anchor_ms[place] = int(panel.open_time_ms[begin]) if end == length else 0
            if self.steady[place]:
                self.values[block, :, rows, slot] = panel.values[blocks[lane], :, -near:, slots[lane]]
                self.state[block, :, slot] = state[blocks[lane], :, slots[lane]]
                at = self.row - self.bias
                names = slice(0, len(self.decisions.plan.columns))
                self.columns[block, names, at - kept + 1 : at + 1, slot] = columns[blocks[lane], :, -kept:, slots[lane]]

    def _room(self) -> None:
        """Make place for one more row of candles and of columns."""
        if self.row + 1 == self.values.shape[2]:
            moved = self.row + 1 - self.kept
            self.values[:, :, : self.kept] = self.values[:, :, moved : self.row + 1]
            self.row, self.bias = self.row - moved, self.bias - moved
        at, kept = self.row - self.bias, self.decisions.lookback
        if at + 1 == self.columns.shape[2]:
            self.columns[:, :, :kept] = self.columns[:, :, at + 1 - kept : at + 1]
            self.bias = self.row + 1 - kept
        self._placed()

    def _placed(self) -> None:
        """Tell the compiled side where the columns begin, and note how far they go."""
        self.frame[8] = self.frame[12] = self.bias
        self.last_row = min(self.values.shape[2], self.bias + self.columns.shape[2])
