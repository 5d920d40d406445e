"""What a kind of indicator declares, and one indicator with its arguments. Nothing heavy is imported here."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

INPUTS = ("open", "high", "low", "close", "volume")
LONGEST = 800  # candles: no argument that counts candles may be larger, so that windows fit what a lane keeps
Function = Callable[..., None]


@dataclass(frozen=True)
class Kind:
    """One family of indicators: its function (see `language`) and what is known of it.

    columns: names of its outputs; warm_up gives, from the arguments, how many leading values are NaN, one number for
    all columns or one a column; state gives how many values a lane keeps between candles; source: where the formula
    comes from; group: trend, momentum, volatility, volume or strategy; least: the smallest a whole argument may be;
    check: from the arguments, what is wrong with them together ("" when nothing is); anchored: it sums up from the
    first candle of its stretch on, so that only its differences mean something.
    """

    name: str
    columns: tuple[str, ...]
    function: Function
    warm_up: Callable[..., Any]
    state: Callable[..., int]
    source: str
    group: str
    default: tuple[float, ...]
    least: int
    check: Callable[..., str]
    anchored: bool

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Which of a candle's values the function reads."""
        return self._names[: self._names.index("state")]

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """Names of its own arguments, such as `fast, slow, signal`."""
        return self._names[self._names.index("age") + 1 + self.has_tick :]

    @cached_property
    def whole(self) -> tuple[bool, ...]:
        """For each argument whether it must be a whole number."""
        return tuple(self._signature.parameters[name].annotation is int for name in self.arguments)

    @cached_property
    def has_tick(self) -> bool:
        """Whether the function wants the candle's number on the time grid."""
        return "tick" in self._names

    def warm_ups(self, args: tuple[float, ...]) -> tuple[int, ...]:
        """How many leading values of each column are NaN."""
        answer = self.warm_up(*self.typed(args))
        return answer if isinstance(answer, tuple) else (answer,) * len(self.columns)

    def counts(self, args: tuple[float, ...]) -> tuple[int, ...]:
        """The arguments that count candles (0 in front, so that there is one)."""
        return (0, *(int(arg) for arg, whole in zip(args, self.whole, strict=True) if whole))

    def typed(self, args: tuple[float, ...]) -> tuple[float, ...]:
        """The arguments as int or float."""
        return tuple(int(arg) if whole else float(arg) for arg, whole in zip(args, self.whole, strict=True))

    @cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self.function)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(self._signature.parameters)


KINDS: dict[str, Kind] = {}


def _anything(*_args: float) -> str:
    return ""


def kind(
    name: str,
    *,
    columns: tuple[str, ...] = (),
    warm_up: Callable[..., Any],
    state: int | Callable[..., int],
    source: str,
    group: str,
    default: tuple[float, ...],
    least: int = 1,
    check: Callable[..., str] = _anything,
    anchored: bool = False,
) -> Callable[[Function], Function]:
    """Register a function as the kind `name`. `columns` is the name alone when left out."""

    def registered(function: Function) -> Function:
        size = state if callable(state) else lambda *_args, _size=state: _size
        given = (function, warm_up, size, source, group, default, least, check, anchored)
        KINDS[name] = Kind(name, columns or (name,), *given)
        return function

    return registered


def _length(minutes: int) -> str:
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator with its arguments, such as `Indicator("macd", (12, 26, 9))`.

    `minutes` above 0 asks for it on larger candles: each value is of the last one that had closed when the scan's own
    candle closed. Where the scan's own candles are not shorter, they are meant themselves.
    """

    kind: str
    args: tuple[float, ...]
    minutes: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown kind, a wrong number of arguments, or one that is out of bounds."""
        if self.kind not in KINDS:
            raise ValueError(f"Unknown indicator {self.kind!r}. Known: {', '.join(KINDS)}.")
        known = KINDS[self.kind]
        if len(self.args) != len(known.arguments):
            wanted = ", ".join(known.arguments) or "no arguments"
            raise ValueError(f"{self.kind} needs {wanted}, got {self.args}.")
        for name, value, whole in zip(known.arguments, self.args, known.whole, strict=True):
            if whole and not (known.least <= value <= LONGEST and value == int(value)):
                raise ValueError(
                    f"{self.kind}: {name} must be a whole number from {known.least} to {LONGEST}, not {value:g}."
                )
            if not whole and not 0.0 <= value < 1e6:
                raise ValueError(f"{self.kind}: {name} must be a number from 0 on, not {value:g}.")
        if wrong := known.check(*known.typed(self.args)):
            raise ValueError(f"{self.kind}: {wrong}, not {', '.join(f'{arg:g}' for arg in self.args)}.")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its output columns, such as `macd_12_26_9, macd_signal_12_26_9, macd_hist_12_26_9`."""
        suffix = "".join(f"_{arg:g}" for arg in self.args) + (f"@{_length(self.minutes)}" if self.minutes else "")
        return tuple(f"{name}{suffix}" for name in KINDS[self.kind].columns)

    @property
    def warm_up(self) -> int:
        """How many leading values of a lane are NaN in at least one column."""
        return max(self.warm_ups)

    @property
    def warm_ups(self) -> tuple[int, ...]:
        """How many leading values of a lane are NaN, one number a column."""
        return KINDS[self.kind].warm_ups(self.args)

    @property
    def state(self) -> int:
        """How many values a lane keeps between candles."""
        known = KINDS[self.kind]
        return int(known.state(*known.typed(self.args)))
