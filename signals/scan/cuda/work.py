"""What a pass by the GPU's source is given, on the host and on the GPU: the same arrays and numbers in one order."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from signals.domain.indicators import KINDS
from signals.domain.strategies import REGISTRY
from signals.scan.cuda.source import ENTRY, Decide, cuda_source
from signals.scan.decisions import TOLD, DecisionPlan, Rule, traceable
from signals.scan.panel import WIDTH, Panel
from signals.scan.plan import Plan


@dataclass(frozen=True)
class Work:
    """Blocks first..last of a panel with a plan, and the formulas of its strategies where masks are wanted."""

    panel: Panel
    plan: Plan
    decisions: DecisionPlan | None
    first: int
    last: int

    @property
    def blocks(self) -> int:
        """How many blocks."""
        return self.last - self.first

    @property
    def values(self) -> np.ndarray:
        """float64 (blocks, 5, time, WIDTH)."""
        return self.panel.values[self.first : self.last]

    @property
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Of the state (float64), the columns (float64) and the masks (bytes, a lane each)."""
        rows, plan = self.panel.rows, self.plan
        masks = 2 * len(self.decisions.formulas) if self.decisions else 0
        return (
            (self.blocks, max(plan.states, 1), WIDTH),
            (self.blocks, len(plan.columns), rows, WIDTH),
            (self.blocks, masks, rows, WIDTH),
        )

    @property
    def source(self) -> str:
        """The source that holds every kind and formula of it."""
        return cuda_source(_kinds(self.plan), _codes(self.decisions))

    @property
    def tables(self) -> tuple[np.ndarray, ...]:
        """The plan (see `_table`), its numbers, the formulas (code, then the columns each reads), their numbers, and
        the stretches: int64 (n, 2) begin and end, and where each block's begin, int64 (blocks + 1,).
        """
        blocks = self.panel.stretches[self.first : self.last]
        pairs = [pair for stretches in blocks for pair in stretches]
        counts = np.cumsum([0, *(len(stretches) for stretches in blocks)], dtype=np.int64)
        stretches = np.array(pairs, np.int64).reshape(-1, 2)
        return (_table(self.plan), self.plan.numbers, *_rules(self.plan, self.decisions), stretches, counts)

    def arguments(self, arrays: tuple[Any, ...], number: Callable[[int], Any]) -> list[Any]:
        """Everything in the order of the source: the arrays (values, state, columns, masks, tables), then numbers."""
        rules, told = arrays[6:8]
        formulas = len(self.decisions.formulas) if self.decisions else 0
        numbers = (
            self.blocks * WIDTH, self.panel.rows, self.shapes[0][1], len(self.plan.columns), len(self.plan.indicators),
            formulas, rules.shape[1], told.shape[1], self.decisions.lookback if self.decisions else 0,
            self.panel.first_tick,
        )  # fmt: skip
        return [*arrays, *map(number, numbers)]


def whole_source() -> str:
    """The source for every kind and every strategy that can be compiled."""
    wanted = traceable([Rule(rules, rules.validate({})) for rules in REGISTRY.values()])[0]
    return cuda_source(tuple(sorted(KINDS)), _codes(DecisionPlan.of(wanted)))


def _kinds(plan: Plan) -> tuple[str, ...]:
    return tuple(sorted({one.kind for one in plan.indicators}))


def _codes(decisions: DecisionPlan | None) -> tuple[Decide, ...]:
    return tuple(dict.fromkeys(map(Decide.of, decisions.formulas))) if decisions else ()


def _table(plan: Plan) -> np.ndarray:
    """int64 (indicators, ENTRY): code, first state row, state rows, first column, columns."""
    codes = {name: code for code, name in enumerate(_kinds(plan))}
    rows, state, column = [], 0, 0
    for one in plan.indicators:
        rows.append((codes[one.kind], state, one.state, column, len(one.columns)))
        state, column = state + one.state, column + len(one.columns)
    return np.array(rows, np.int64).reshape(-1, ENTRY)


def _rules(plan: Plan, decisions: DecisionPlan | None) -> tuple[np.ndarray, np.ndarray]:
    if decisions is None:
        return np.zeros((1, 1), np.int64), np.zeros((1, 1))
    codes = {code: place for place, code in enumerate(_codes(decisions))}
    table = np.zeros((len(decisions.formulas), 1 + max((len(one.columns) for one in decisions.formulas), default=0)))
    told = np.zeros((len(decisions.formulas), TOLD))
    for row, one in enumerate(decisions.formulas):
        reads = [plan.column_of[name] for name in one.columns]
        table[row, : 1 + len(reads)] = [codes[Decide.of(one)], *reads]
        told[row, : len(one.numbers)] = one.numbers
    return table.astype(np.int64), told


def masks_pack(masks: np.ndarray) -> np.ndarray:
    """Bytes (blocks, masks, time, WIDTH) as uint16 (blocks, masks, time), bit n for lane n of the block."""
    return np.packbits(masks, axis=-1, bitorder="little").view(np.uint16)[..., 0]
