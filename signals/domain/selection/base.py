"""The contract of a filter: what it needs, what it may be told, whom it refuses and why. Copy a neighbour to add one.

A chain hands each filter the candidates that are left, best rank first; the filter answers which stay, in which order,
and gives every other one its reason. What it cannot know of a candidate (no ticker, no candles) is missing, and each
filter states what it does then: one symbol without data never changes what happens to the others.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from signals.candles.matrix import CandleTable
from signals.domain.selection.parameters import Choice, FilterError, Number, Parameter

NAN = float("nan")
Values = Mapping[str, Any]
PASS, REFUSE = "pass", "refuse"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One instrument as the filters see it. Prices in quote currency, fractions as fractions; NaN where unknown.

    `volume`, `high`, `low` are of the last 24 hours (volume in quote currency). Times are ms, None where not stated.
    `state` is the exchange's own word; `trouble` says why the symbol is left alone for now, or nothing.
    """

    symbol: str
    base: str
    quote: str
    active: bool = True
    state: str = ""
    listed_ms: int | None = None
    delist_ms: int | None = None
    tick: float = NAN
    last: float = NAN
    volume: float = NAN
    spread: float = NAN
    high: float = NAN
    low: float = NAN
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Want:
    """Closed candles that a filter needs of every candidate that is left: the newest `count` of a timeframe."""

    timeframe: str
    count: int


@dataclass(frozen=True, slots=True)
class Market:
    """What filters know besides the candidates: the time (ms), everything the exchange lists, and the wanted candles.

    `listed` holds all instruments of the exchange, refused ones too; `tables` the candles by symbol (absent: unknown).
    """

    now_ms: int
    listed: tuple[Candidate, ...] = ()
    tables: Mapping[str, CandleTable] = field(default_factory=dict)

    def table(self, symbol: str) -> CandleTable:
        """The symbol's candles, empty when there are none."""
        return self.tables.get(symbol) or CandleTable.empty()


@dataclass(frozen=True, slots=True)
class Sieved:
    """Who stays, best rank first; why each other one does not; and what was done beyond the rule, in words."""

    kept: list[Candidate]
    refused: dict[str, str]
    notes: tuple[str, ...] = ()


class Filter(ABC):
    """Base of all filters; one instance per kind, without state. `missing` says what happens without data."""

    kind: ClassVar[str]
    title: ClassVar[str]
    help: ClassVar[str]
    missing: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]] = ()

    def validate(self, given: Values) -> dict[str, Any]:
        """All parameters, defaults filled in; FilterError with what is allowed otherwise."""
        known = {parameter.name: parameter for parameter in self.parameters}
        if not isinstance(given, Mapping):
            raise FilterError(f"Parameters are an object of names and values, not {given!r}.")
        if unknown := sorted(set(given) - set(known)):
            has = f"It has: {', '.join(known)}." if known else "It has none."
            raise FilterError(f"{self.kind} has no parameter {unknown[0]!r}. {has}")
        values = {name: parameter.checked(given.get(name, parameter.default)) for name, parameter in known.items()}
        self.check(values)
        return values

    def check(self, values: Values) -> None:  # noqa: B027 - most filters have no such rule
        """Rules between parameters; raise FilterError."""

    def wants(self, values: Values) -> Want | None:
        """The candles it needs, None when it needs none."""
        return None

    def asks(self, candidate: Candidate) -> bool:
        """Whether it needs the candles of this candidate."""
        return True

    @abstractmethod
    def sieve(self, candidates: Sequence[Candidate], values: Values, market: Market) -> Sieved:
        """Who stays of `candidates` (best rank first) and why the others do not."""


class PlainFilter(Filter):
    """A filter that looks at one candidate at a time and keeps the order."""

    @abstractmethod
    def refusal(self, candidate: Candidate, values: Values, market: Market) -> str:
        """Why it is refused, or nothing."""

    def sieve(self, candidates: Sequence[Candidate], values: Values, market: Market) -> Sieved:
        """Everyone without a refusal stays."""
        reasons = {one.symbol: self.refusal(one, values, market) for one in candidates}
        return parted(candidates, {symbol: reason for symbol, reason in reasons.items() if reason})


RELAX = (
    Number("at_least", 0, 0, 5000, "Relax the bounds while fewer than so many pass; 0 never does."),
    Number("relax", 0.0, 0.0, 1.0, "How far beyond a bound relaxing may go, as a fraction of the bound."),
)
MISSING = Choice("missing", REFUSE, (REFUSE, PASS), "What happens to a symbol whose data is missing.")


class MeasuredFilter(Filter):
    """A filter that measures one number a candidate and keeps those within bounds (both ends allowed).

    Dynamic rule: while fewer than `at_least` pass, the refused ones that were measured come back, the nearest to the
    bounds first (ties by symbol), as long as they are no further than the fraction `relax` beyond the bound.
    """

    missing = "by its parameter: refused, unless set to pass"

    @abstractmethod
    def measure(self, candidate: Candidate, values: Values, market: Market) -> float:
        """The number, NaN when it cannot be known."""

    @abstractmethod
    def bounds(self, values: Values) -> tuple[float, float]:
        """Smallest and largest number that pass (infinite where there is no bound)."""

    @abstractmethod
    def says(self, measured: float, values: Values) -> str:
        """The measured number with its name, such as `spread 0.100%`."""

    def bound_says(self, bound: float, values: Values) -> str:
        """A bound in the same unit, without the name."""
        return f"{bound:.3%}"

    def unknown(self, candidate: Candidate, values: Values) -> str:
        """Why there is nothing to measure."""
        return f"{self.title}: no data."

    def sieve(self, candidates: Sequence[Candidate], values: Values, market: Market) -> Sieved:
        """Those within the bounds, those the dynamic rule brings back, and those without data where they pass."""
        low, high = self.bounds(values)
        measured = {one.symbol: self._measured(one, values, market) for one in candidates}
        outside = {symbol: beyond(value, low, high) for symbol, value in measured.items() if not math.isnan(value)}
        refused = {one.symbol for one in candidates if self._out(outside.get(one.symbol), values)}
        back = self._back(outside, len(candidates) - len(refused), values)
        reasons = {
            one.symbol: self._reason(one, measured[one.symbol], values)
            for one in candidates
            if one.symbol in refused - back
        }
        notes = (f"Relaxed for {len(back)}: {', '.join(sorted(back)[:5])}.",) if back else ()
        sieved = parted(candidates, reasons)
        return Sieved(self.ranked(sieved.kept, measured, values), sieved.refused, notes)

    def ranked(self, kept: list[Candidate], measured: Mapping[str, float], values: Values) -> list[Candidate]:
        """The order of those that stay; by default the order they came in."""
        return kept

    def _measured(self, candidate: Candidate, values: Values, market: Market) -> float:
        value = self.measure(candidate, values, market)
        return value if math.isfinite(value) else NAN

    @staticmethod
    def _out(distance: float | None, values: Values) -> bool:
        return values.get("missing", REFUSE) == REFUSE if distance is None else distance > 0.0

    @staticmethod
    def _back(outside: Mapping[str, float], passing: int, values: Values) -> set[str]:
        lacking = values.get("at_least", 0) - passing
        near = sorted((away, symbol) for symbol, away in outside.items() if 0.0 < away <= values.get("relax", 0.0))
        return {symbol for _, symbol in near[: max(lacking, 0)]}

    def _reason(self, candidate: Candidate, measured: float, values: Values) -> str:
        if math.isnan(measured):
            return self.unknown(candidate, values)
        low, high = self.bounds(values)
        side, bound = ("below", low) if measured < low else ("above", high)
        return sentence(f"{self.says(measured, values)} is {side} {self.bound_says(bound, values)}.")


def beyond(value: float, low: float, high: float) -> float:
    """How far a number lies outside its bounds, as a fraction of the bound; 0 inside, infinite beyond a bound of 0."""
    if low <= value <= high:
        return 0.0
    bound = low if value < low else high
    return abs(value - bound) / abs(bound) if bound else math.inf


def parted(candidates: Iterable[Candidate], refused: dict[str, str]) -> Sieved:
    """The candidates without a reason stay, in their order."""
    return Sieved([one for one in candidates if one.symbol not in refused], refused)


def sentence(text: str) -> str:
    """The text with a capital letter."""
    return text[:1].upper() + text[1:]


def range_check(values: Values, low: str, high: str, *, open_end: bool = True) -> None:
    """FilterError unless low <= high; with `open_end` a high of 0 means that there is no upper bound."""
    if not (open_end and values[high] == 0) and values[low] > values[high]:
        raise FilterError(f"{low} must not be above {high}, as {values[low]:g} is above {values[high]:g}.", low)


def open_high(value: float) -> float:
    """A upper bound that 0 switches off."""
    return value or math.inf
