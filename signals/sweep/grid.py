"""Which parameter sets a sweep tries: `fast=5:50`, `slow=20:200:5`, `width=1.5,2,2.5`, and all combinations."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import product
from math import prod

import numpy as np

from signals.domain.strategies import ParameterError
from signals.domain.strategies.base import Strategy
from signals.sweep.rules import SweepError

MOST_SETS = 20_000_000


@dataclass(frozen=True, slots=True)
class Grid:
    """The sets that will be tried. `values` float64 (sets, names), in the order of the ranges, the last fastest.

    `skipped` counts combinations that the strategy's own rules forbid, `refusal` is what it says of the first.
    """

    strategy: Strategy
    names: tuple[str, ...]
    choices: tuple[tuple[float, ...], ...]
    values: np.ndarray
    skipped: int
    refusal: str

    def __len__(self) -> int:
        return int(self.values.shape[0])

    def params(self, number: int) -> dict[str, float]:
        """The swept parameters of one set."""
        return {name: self._typed(name, value) for name, value in zip(self.names, self.values[number], strict=True)}

    def complete(self, number: int) -> dict[str, float]:
        """All parameters of one set, defaults filled in."""
        return self.strategy.validate(self.params(number))

    def _typed(self, name: str, value: float) -> float:
        whole = next(parameter.whole for parameter in self.strategy.parameters if parameter.name == name)
        return int(value) if whole else float(value)


def grid_of(strategy: Strategy, ranges: Mapping[str, Sequence[float]]) -> Grid:
    """All allowed combinations. Raises SweepError when a name or value is not allowed, or nothing is left."""
    known = {parameter.name: parameter for parameter in strategy.parameters}
    for name in ranges:
        if name not in known:
            raise SweepError(f"{strategy.kind} has no parameter {name!r}. It has: {', '.join(known)}.")
    names = tuple(ranges)
    choices = tuple(_checked(strategy, name, ranges[name]) for name in names)
    if (total := prod(len(one) for one in choices)) > MOST_SETS:
        raise SweepError(f"{total:,} parameter sets are more than {MOST_SETS:,}; take narrower ranges or larger steps.")
    kept, refusal = _allowed(strategy, names, choices)
    if not kept:
        raise SweepError(f"No parameter set is left: {refusal}")
    return Grid(strategy, names, choices, np.array(kept, np.float64).reshape(len(kept), -1), total - len(kept), refusal)


def _checked(strategy: Strategy, name: str, values: Iterable[float]) -> tuple[float, ...]:
    parameter = next(one for one in strategy.parameters if one.name == name)
    try:
        return tuple(dict.fromkeys(parameter.checked(value) for value in values))
    except ParameterError as error:
        raise SweepError(str(error)) from error


def _allowed(
    strategy: Strategy, names: tuple[str, ...], choices: tuple[tuple[float, ...], ...]
) -> tuple[list[tuple[float, ...]], str]:
    """The combinations that pass the strategy's own rules, and what it said of the first that does not."""
    try:
        defaults = {parameter.name: parameter.checked(parameter.default) for parameter in strategy.parameters}
    except ParameterError as error:
        raise SweepError(str(error)) from error
    kept, refusal = [], ""
    for values in product(*choices):
        try:
            strategy.check(defaults | dict(zip(names, values, strict=True)))
            kept.append(values)
        except ParameterError as error:
            refusal = refusal or str(error)
    return kept, refusal


def ranges_of(texts: Iterable[str], strategy: Strategy) -> dict[str, list[float]]:
    """From `name=lo:hi[:step]`, `name=a,b,c` or `name=a`. Raises SweepError with what was meant."""
    found: dict[str, list[float]] = {}
    for text in texts:
        name, mark, values = text.partition("=")
        if not mark or not name or not values:
            raise SweepError(f"--param takes name=lo:hi, name=lo:hi:step or name=a,b,c; not {text!r}.")
        if name in found:
            raise SweepError(f"--param {name} is given twice; put all its values in one.")
        found[name] = [float(value) for value in _values(text, name, values, strategy)]
    return {name: [int(value) if value.is_integer() else value for value in values] for name, values in found.items()}


def _values(text: str, name: str, values: str, strategy: Strategy) -> Iterator[Decimal]:
    if ":" not in values:
        return iter([_number(text, part) for part in values.split(",")])
    low, high, *steps = [_number(text, part) for part in values.split(":")]
    whole = next((one.whole for one in strategy.parameters if one.name == name), True)
    if len(steps) > 1 or (not steps and not whole):
        raise SweepError(f"{text!r}: a range is lo:hi:step" + (f", and {name} needs a step." if not steps else "."))
    step = steps[0] if steps else Decimal(1)
    if step <= 0 or high < low:
        raise SweepError(f"{text!r}: a range goes up from lo to hi in steps above zero.")
    if (high - low) / step >= MOST_SETS:
        raise SweepError(f"{text!r} has more than {MOST_SETS:,} values; take a larger step.")
    return (low + step * number for number in range(int((high - low) / step) + 1))


def _number(text: str, part: str) -> Decimal:
    try:
        number = Decimal(part)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise SweepError(f"--param takes numbers, as in fast=5:50:5; {part!r} in {text!r} is none.")
    return number
