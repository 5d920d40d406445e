"""What all strategies of a scan decide, compiled: which formulas, which columns they read, and the pass that writes
masks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from signals.domain.indicators.catalog import INPUTS, Indicator
from signals.domain.strategies.base import Strategy
from signals.domain.strategies.formula import Formula, formula_of
from signals.domain.strategies.trace import NotTraceable
from signals.domain.timeframes import MINUTE_MS
from signals.scan.build import formula_address
from signals.scan.contexts import plain, split
from signals.scan.drive import blocks_decide
from signals.scan.panel import WIDTH, Panel, aligned
from signals.scan.pass_cpu import frame_of, runs, spread, tile_of
from signals.scan.plan import Plan

TOLD = 8


@dataclass(frozen=True, slots=True)
class Rule:
    """A strategy with its parameters."""

    rules: Strategy
    values: Mapping[str, float]


@dataclass(frozen=True)
class DecisionPlan:
    """The indicators of several strategies, and two formulas of each: `formulas` write masks for every candle, `wholes`
    confidence and details where a mask is set.
    """

    plan: Plan
    larger: tuple[tuple[int, tuple[Indicator, ...]], ...]  # minutes, and what is computed on candles of that length
    column_of: Mapping[str, int]
    formulas: tuple[Formula, ...]
    wholes: tuple[Formula, ...]

    @classmethod
    def of(cls, wanted: Sequence[Rule], step_ms: int = MINUTE_MS) -> "DecisionPlan":
        """For candles of `step_ms`. Raises NotTraceable when a strategy cannot be compiled (see `traceable`)."""
        formulas = (tuple(formula_of(one.rules, one.values, whole=whole) for one in wanted) for whole in (False, True))
        needs = [need for one in wanted for need in one.rules.indicators(one.values)]
        own, larger = split(needs, step_ms)
        plan, groups = Plan.of(own), tuple((minutes, tuple(group)) for minutes, group in larger.items())
        return cls(plan, groups, _column_numbers(plan, groups, needs), *formulas)

    def require_own_candles(self) -> None:
        """Raise ValueError when a formula reads larger candles, which a pass of masks does not make."""
        if self.larger:
            raise ValueError(
                "Larger candles are not part of this pass: use lanes_compute and the strategy's own decide."
            )

    @cached_property
    def width(self) -> int:
        """Columns of all indicators; what formulas write lies behind them."""
        return len(self.plan.columns) + sum(len(one.columns) for _, group in self.larger for one in group)

    @cached_property
    def fields(self) -> tuple[int, ...]:
        """Numbers of the inputs that some kind or formula reads."""
        read = {INPUTS.index(name) for one in (*self.formulas, *self.wholes) for name in one.fields}
        return tuple(sorted({*self.plan.fields, *read}))

    @cached_property
    def lookback(self) -> int:
        """How many candles before the present one some formula reads."""
        return max((one.lookback for one in self.wholes), default=0)

    @cached_property
    def details(self) -> int:
        """Columns that a whole formula needs for what it writes."""
        return max((len(one.details) for one in self.wholes), default=0)

    @cached_property
    def entries(self) -> np.ndarray:
        """int64 (formulas, n): address, first mask, first column of details, columns it reads."""
        return self._entries(self.formulas)

    @cached_property
    def whole_entries(self) -> np.ndarray:
        """The same of the whole formulas, which all write into the columns behind the indicators'."""
        return self._entries(self.wholes)

    @cached_property
    def told(self) -> np.ndarray:
        """float64 (formulas, TOLD): the numbers of each formula."""
        return _told(self.formulas)

    @cached_property
    def whole_told(self) -> np.ndarray:
        """The same of the whole formulas."""
        return _told(self.wholes)

    def _entries(self, formulas: tuple[Formula, ...]) -> np.ndarray:
        width = 3 + max((len(one.columns) for one in formulas), default=0)
        entries = np.zeros((len(formulas), width), np.int64)
        for row, one in enumerate(formulas):
            reads = [self.column_of[name] for name in one.columns]
            entries[row, : 3 + len(reads)] = [formula_address(one), 2 * row, self.width, *reads]
        return entries


def _column_numbers(
    plan: Plan, groups: tuple[tuple[int, tuple[Indicator, ...]], ...], needs: list[Indicator]
) -> dict[str, int]:
    """Column name to its number: own columns, then those of larger candles; an own one has both its names."""
    numbers = dict(plan.column_of)
    for _, group in groups:
        for one in group:
            numbers |= {name: len(numbers) + place for place, name in enumerate(one.columns)}
    for one in needs:
        for name, same in zip(one.columns, plain(one).columns, strict=True):
            if name not in numbers:
                numbers[name] = numbers[same]
    return numbers


def _told(formulas: tuple[Formula, ...]) -> np.ndarray:
    told = np.zeros((len(formulas), TOLD))
    for row, one in enumerate(formulas):
        told[row, : len(one.numbers)] = one.numbers
    return told


def traceable(wanted: Iterable[Rule]) -> tuple[list[Rule], list[Rule]]:
    """Those that can be compiled, and those that are run as they are."""
    good: list[Rule] = []
    other: list[Rule] = []
    for one in wanted:
        try:
            formula_of(one.rules, one.values, whole=True)
            good.append(one)
        except NotTraceable:
            other.append(one)
    return good, other


def masks_compute(panel: Panel, decisions: DecisionPlan, *, threads: int | None = None) -> np.ndarray:
    """Buys and sells of every formula: uint16 (blocks, 2 * formulas, time), bit n for lane n of the block.

    No indicator column is written to memory: a tile's columns live in the core's cache while the formulas read them.
    The first `lookback` candles of a stretch decide nothing. Raises ValueError for strategies that look at larger
    candles.
    """
    decisions.require_own_candles()
    plan = decisions.plan
    table, numbers, entries, told = plan.table, plan.numbers, decisions.entries, decisions.told
    tile = tile_of(len(plan.columns))
    fields = np.array(decisions.fields, np.int64)
    masks = np.zeros((panel.blocks, 2 * len(decisions.formulas), panel.rows), np.uint16)

    def work(first: int, last: int) -> None:
        state = aligned((panel.blocks, max(plan.states, 1), WIDTH), fill=0.0)
        scratch = aligned((1, len(plan.columns), decisions.lookback + tile, WIDTH), fill=np.nan)
        frame = frame_of(panel.values, state, scratch, masks=masks)
        for begin, stop, stretches in runs(panel, first, last):
            for number, (start, end) in enumerate(stretches):
                if number:
                    state[begin:stop] = 0.0
                blocks_decide(
                    frame, scratch[0], table, numbers, entries, told, fields,
                    begin, stop, start, end, panel.first_tick + start, tile, decisions.lookback,
                )  # fmt: skip

    spread(work, panel.blocks, panel.blocks * panel.rows * WIDTH, threads)
    return masks


def sides_by_symbol(panel: Panel, masks: np.ndarray, formula: int) -> np.ndarray:
    """int8 (symbols, time) of one formula: 1 buy, -1 sell, 0 nothing or both."""
    sides = np.zeros((len(panel.symbols), panel.rows), np.int8)
    for block in range(panel.blocks):
        for slot, lane in enumerate(panel.lanes[block]):
            if lane >= 0:
                buy, sell = ((masks[block, 2 * formula + side] >> slot) & 1 for side in (0, 1))
                sides[lane] = buy.astype(np.int8) - sell.astype(np.int8)
    return sides
