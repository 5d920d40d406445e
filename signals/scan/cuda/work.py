"""What a pass by the GPU's source is given, on the host and on the GPU: the same arrays and numbers in one order."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from signals.domain.indicators import KINDS
from signals.domain.strategies import REGISTRY
from signals.scan.cuda.source import Decide, formula_source, kind_source, whole_source
from signals.scan.decisions import DecisionPlan, Rule, traceable
from signals.scan.panel import WIDTH, Panel
from signals.scan.plan import Plan


@dataclass(frozen=True)
class Step:
    """One kernel over all lanes: its source and name, and a row of table and numbers for each indicator or formula.

    table: int64 (count, n): first state row, state rows and first column of an indicator; place among the formulas and
    the columns it reads of a formula. numbers: float64 (count, n), the arguments.
    """

    source: str
    name: str
    table: np.ndarray
    numbers: np.ndarray


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
    def formulas(self) -> int:
        """How many formulas."""
        return len(self.decisions.formulas) if self.decisions else 0

    @property
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Of the state (float64), the columns (float64) and the masks (bytes, a lane each)."""
        rows, plan = self.panel.rows, self.plan
        return (
            (self.blocks, max(plan.states, 1), WIDTH),
            (self.blocks, len(plan.columns), rows, WIDTH),
            (self.blocks, 2 * self.formulas, rows, WIDTH),
        )

    @cached_property
    def stretches(self) -> tuple[np.ndarray, np.ndarray]:
        """int64 (n, 2) begin and end of every stretch, and int64 (blocks + 1,) where those of each block begin."""
        blocks = self.panel.stretches[self.first : self.last]
        pairs = [pair for stretches in blocks for pair in stretches]
        counts = np.cumsum([0, *(len(stretches) for stretches in blocks)], dtype=np.int64)
        return np.array(pairs, np.int64).reshape(-1, 2), counts

    @property
    def passes(self) -> list[Step]:
        """The kinds of the plan; they may run side by side."""
        rows: dict[str, list[int]] = {}
        for row, one in enumerate(self.plan.indicators):
            rows.setdefault(one.kind, []).append(row)
        table, numbers = _places(self.plan), self.plan.numbers
        return [Step(kind_source(name), f"pass_{name}", table[own], numbers[own]) for name, own in rows.items()]

    @property
    def decides(self) -> list[Step]:
        """The formulas, which read what the passes wrote; they may run side by side."""
        codes: dict[Decide, list[int]] = {}
        for place, one in enumerate(self.decisions.formulas if self.decisions else ()):
            codes.setdefault(Decide.of(one), []).append(place)
        return [self._decide(code, places) for code, places in codes.items()]

    def _decide(self, code: Decide, places: list[int]) -> Step:
        assert self.decisions is not None
        own = [self.decisions.formulas[place] for place in places]
        reads = [
            [place, *(self.decisions.column_of[name] for name in one.columns)]
            for place, one in zip(places, own, strict=True)
        ]
        numbers = np.array([one.numbers for one in own], np.float64).reshape(len(own), -1)
        return Step(formula_source(code), "decide_0", np.array(reads, np.int64), numbers)

    def arguments(
        self, step: Step, shared: tuple[Any, ...], own: tuple[Any, Any], number: Callable[[int], Any]
    ) -> list[Any]:
        """Everything in the order of the source. shared: values, state, columns, masks and the two of `stretches`;
        own: the step's table and numbers; `number` makes an argument of a number.
        """
        sizes = (
            *step.table.shape, step.numbers.shape[1], self.blocks * WIDTH, self.panel.rows, self.shapes[0][1],
            len(self.plan.columns), self.formulas, self.decisions.lookback if self.decisions else 0,
            self.panel.first_tick,
        )  # fmt: skip
        return [*shared[:4], *own, *shared[4:], *map(number, sizes)]


def everything_source() -> str:
    """The source with a kernel for every kind and every strategy that can be compiled."""
    wanted = traceable([Rule(rules, rules.validate({})) for rules in REGISTRY.values()])[0]
    formulas = map(Decide.of, DecisionPlan.of(wanted).formulas)
    return whole_source(sorted(KINDS), tuple(dict.fromkeys(formulas)))


def _places(plan: Plan) -> np.ndarray:
    rows, state, column = [], 0, 0
    for one in plan.indicators:
        rows.append((state, one.state, column))
        state, column = state + one.state, column + len(one.columns)
    return np.array(rows, np.int64).reshape(-1, 3)


def masks_pack(masks: np.ndarray) -> np.ndarray:
    """Bytes (blocks, masks, time, WIDTH) as uint16 (blocks, masks, time), bit n for lane n of the block."""
    return np.packbits(masks, axis=-1, bitorder="little").view(np.uint16)[..., 0]
