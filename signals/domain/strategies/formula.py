"""From a noted `decide` to a function in the language of indicators, as text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from signals.domain.strategies.base import Decisions, Strategy
from signals.domain.strategies.trace import NotTraceable, Symbol, SymbolicLanes, Told, told

_INFIX = {"+", "-", "*", "/", "<", "<=", ">", ">=", "==", "!=", "&", "|"}


@dataclass(frozen=True, slots=True)
class Formula:
    """What a strategy decides, ready to be compiled.

    text: the source of `decide(...)`; fields and columns: what it reads, in the order of its arguments; numbers: the
    values of its own arguments; details: names of what it writes beside the masks (confidence first) when `whole`;
    lookback: how many candles before the present one it reads.
    """

    text: str
    fields: tuple[str, ...]
    columns: tuple[str, ...]
    numbers: tuple[float, ...]
    details: tuple[str, ...]
    lookback: int


def formula_of(rules: Strategy, values: Mapping[str, float], *, whole: bool) -> Formula:
    """The formula of a strategy with these parameters: masks only, or (`whole`) confidence and details too.

    Raises NotTraceable when its `decide` cannot be noted.
    """
    columns = tuple(name for one in rules.indicators(values) for name in one.columns)
    try:
        decisions = rules.decide(SymbolicLanes(columns), told(values))
    except NotTraceable:
        raise
    except Exception as error:
        raise NotTraceable(f"{rules.kind}: {type(error).__name__}: {error}") from error
    return _Writer().written(decisions, whole)


@dataclass
class _Writer:
    """Writes each distinct operation once, as an assignment."""

    lines: list[str] = field(default_factory=list)
    names: dict[Any, str] = field(default_factory=dict)
    fields: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    told: dict[str, float] = field(default_factory=dict)
    lookback: int = 0

    def written(self, decisions: Decisions, whole: bool) -> Formula:
        """The whole function."""
        buy, sell = decisions.side
        results = [("buy", self.term(buy, 0)), ("sell", self.term(sell, 0))]
        details = ("confidence", *decisions.details) if whole else ()
        if whole:
            results += [("confidence", self.term(decisions.confidence, 0))]
            results += [(f"detail_{n}", self.term(one, 0)) for n, one in enumerate(decisions.details.values())]
        body = [*self.lines, *(f"{name}[t] = {term}" for name, term in results)]
        rows = [*self.fields, *(f"column_{n}" for n in range(len(self.columns))), *(name for name, _ in results)]
        head = f"def decide({', '.join([*rows, 'begin', 'end', *(f'told_{name}' for name in self.told)])}):"
        text = "\n".join([head, "    for t in range(begin, end):", *(f"        {line}" for line in body)]) + "\n"
        return Formula(text, tuple(self.fields), tuple(self.columns), tuple(self.told.values()), details, self.lookback)

    def term(self, value: Any, back: int) -> str:
        """The name (or the number) of a value `back` candles ago."""
        if isinstance(value, Told):
            self.told.setdefault(value.name, float(value))
            return f"told_{value.name}"
        if not isinstance(value, Symbol):
            return _literal(value)
        if value.op == "before":
            return self.term(value.args[0], back + value.args[1])
        return self._named(value, back)

    def _named(self, value: Symbol, back: int) -> str:
        if value.op in ("field", "column"):
            key: Any = (value.op, value.args[0], back)
            text = self._read(value.op, value.args[0], back)
        else:
            terms = tuple(self.term(one, back) for one in value.args)
            key, text = (value.op, *terms), _text(value.op, terms)
        if key not in self.names:
            self.names[key] = f"v{len(self.names)}"
            self.lines.append(f"{self.names[key]} = {text}")
        return self.names[key]

    def _read(self, op: str, name: str, back: int) -> str:
        known = self.fields if op == "field" else self.columns
        if name not in known:
            known.append(name)
        self.lookback = max(self.lookback, back)
        rows = name if op == "field" else f"column_{known.index(name)}"
        return f"{rows}[t - {back}]" if back else f"{rows}[t]"


def _text(op: str, terms: tuple[str, ...]) -> str:
    if op in _INFIX:
        return f"{terms[0]} {op} {terms[1]}"
    if op in ("maximum", "minimum"):  # NumPy's: a missing value stays missing
        sign = ">" if op == "maximum" else "<"
        return f"select(({terms[0]} {sign} {terms[1]}) | ({terms[0]} != {terms[0]}), {terms[0]}, {terms[1]})"
    if op == "neg":
        return f"-{terms[0]}"
    if op == "~":
        return f"~{terms[0]}"
    return f"{op}({', '.join(terms)})"


def _literal(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise NotTraceable(f"A formula is made of numbers, not of {type(value).__name__}.")
    if value != value:
        return "NAN"
    if abs(value) == float("inf"):
        raise NotTraceable("A formula has no infinite numbers.")
    return repr(float(value))
