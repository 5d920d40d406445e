"""What the steps of a check share: fresh processes, limits, cases, and the way a check ends early."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from signals.candles.matrix import CandleMatrix
from signals.custom.client import Child
from signals.custom.report import Finding
from signals.custom.rules import CustomRules, rules_of_child
from signals.domain.lanes import Lanes
from signals.domain.strategies.base import Decisions, Values

SLOW_S = 20.0  # for the large questions of a check; the scan's own limit is checked by itself
BUDGET_S = 120.0  # for a whole check


class Refused(Exception):
    """Carries the finding that ends a check."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


@dataclass(frozen=True, slots=True)
class Case:
    """One set of parameter values on the lanes of some symbols, and what the strategy says of all of it."""

    symbols: tuple[str, ...]
    lanes: Lanes
    values: Values
    needs: int
    whole: Decisions

    @property
    def length(self) -> int:
        """Candles."""
        return int(self.lanes.close.shape[1])


@dataclass(slots=True)
class Bench:
    """The file under check, its limits (seconds a scan, memory in MB), and what was measured."""

    file: str
    source: str
    seconds: float
    memory_mb: int
    unsafe: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    until: float = field(default_factory=lambda: time.monotonic() + BUDGET_S)

    def time_check(self) -> None:
        """Raise Refused when the check has taken too long."""
        if time.monotonic() > self.until:
            message = (
                f"The check was given up after {BUDGET_S:g} s. Work on whole arrays instead of loops over candles."
            )
            raise Refused(Finding("slow", message))

    @contextmanager
    def rules(self) -> Iterator[CustomRules]:
        """A fresh process with the strategy loaded; it is gone afterwards."""
        child = Child(file=self.file, source=self.source, memory_mb=self.memory_mb, unsafe=self.unsafe)
        try:
            yield rules_of_child(lambda: child, child.described, SLOW_S)
        finally:
            self.facts["memory_mb"] = max(self.facts.get("memory_mb", 0.0), child.memory_mb)
            self.facts["kernel"] = child.kernel
            child.stop()


def computed(rules: CustomRules, values: Values, matrix: CandleMatrix) -> Lanes:
    """The lanes of a matrix with the columns the strategy declares. Raises Refused where nobody can compute them."""
    from signals.scan.pass_cpu import lanes_compute  # late: numba is heavy

    try:
        return lanes_compute(matrix, rules.indicators(values))
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(Finding("contract", f"Its indicators cannot be computed: {error}.")) from error
