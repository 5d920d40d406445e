"""A plan: which indicators one pass computes, and where each keeps its state and writes its columns."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from signals.domain.indicators.catalog import INPUTS, KINDS, Indicator

ARGUMENTS = 6


@dataclass(frozen=True)
class Plan:
    """Distinct indicators in order."""

    indicators: tuple[Indicator, ...]

    @classmethod
    def of(cls, wanted: Iterable[Indicator]) -> "Plan":
        """Each distinct indicator once."""
        return cls(tuple(dict.fromkeys(wanted)))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns in the order they are written."""
        return tuple(name for one in self.indicators for name in one.columns)

    @cached_property
    def column_of(self) -> dict[str, int]:
        """Column name to its number."""
        return {name: place for place, name in enumerate(self.columns)}

    @cached_property
    def fields(self) -> tuple[int, ...]:
        """Numbers of the inputs that some kind reads."""
        return tuple(sorted({INPUTS.index(name) for one in self.indicators for name in KINDS[one.kind].inputs}))

    @cached_property
    def states(self) -> int:
        """Values a lane keeps for all of them."""
        return sum(one.state for one in self.indicators)

    @cached_property
    def warm_up(self) -> int:
        """Candles after which every column has values."""
        return max((one.warm_up for one in self.indicators), default=0)

    @cached_property
    def settled(self) -> int:
        """Candles after which no kind looks at a lane's age any more."""
        spans = (max(one.warm_up, *(KINDS[one.kind].counts(one.args))) + 1 for one in self.indicators)
        return max(spans, default=0)

    @cached_property
    def table(self) -> np.ndarray:
        """int64 (indicators, 3): address of the compiled kind, first state row, first column."""
        from signals.scan.build import kind_address

        rows, state, column = [], 0, 0
        for one in self.indicators:
            rows.append((kind_address(one.kind), state, column))
            state, column = state + one.state, column + len(one.columns)
        return np.array(rows, np.int64).reshape(-1, 3)

    @cached_property
    def numbers(self) -> np.ndarray:
        """float64 (indicators, ARGUMENTS): the arguments of each, zeros behind them."""
        numbers = np.zeros((len(self.indicators), ARGUMENTS))
        for row, one in enumerate(self.indicators):
            numbers[row, : len(one.args)] = one.args
        return numbers
