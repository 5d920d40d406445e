"""What a filter may be told: numbers with a range, one word of a list, or a list of names. Checked in one place."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class FilterError(ValueError):
    """Parameters that are not allowed; `parameter` names the one that is wrong, the message says what is allowed."""

    def __init__(self, message: str, parameter: str = "") -> None:
        super().__init__(message)
        self.parameter = parameter


def plain(value: float) -> str:
    """A number in full, never as 1e+06."""
    return f"{value:.12f}".rstrip("0").rstrip(".") if abs(value) < 1000 else f"{value:,.0f}"


@dataclass(frozen=True, slots=True)
class Number:
    """A number with its range (both ends allowed); whole when its default is an int."""

    name: str
    default: float
    low: float
    high: float
    help: str

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are allowed."""
        return isinstance(self.default, int)

    @property
    def allowed(self) -> str:
        """What may be said, in words."""
        return f"a {'whole number' if self.whole else 'number'} from {plain(self.low)} to {plain(self.high)}"

    def checked(self, value: Any) -> float:
        """The value as int or float; FilterError when it is no number of the range."""
        number = not isinstance(value, bool) and isinstance(value, (int, float)) and math.isfinite(value)
        if not number or not self.low <= value <= self.high or (self.whole and value != int(value)):
            raise FilterError(f"{self.name} must be {self.allowed}, not {value!r}.", self.name)
        return int(value) if self.whole else float(value)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    name: str
    default: str
    options: tuple[str, ...]
    help: str

    @property
    def allowed(self) -> str:
        """What may be said, in words."""
        return f"one of {', '.join(self.options)}"

    def checked(self, value: Any) -> str:
        """The word; FilterError when it is none of them."""
        if value not in self.options:
            raise FilterError(f"{self.name} must be {self.allowed}, not {value!r}.", self.name)
        return str(value)


def _any_name(_name: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Names:
    """A list of names, kept in upper case and in the order given, each once. `wrong(name)` says what is wrong."""

    name: str
    default: tuple[str, ...]
    help: str
    most: int = 500
    wrong: Callable[[str], str] = _any_name

    @property
    def allowed(self) -> str:
        """What may be said, in words."""
        return f"a list of at most {self.most} names"

    def checked(self, value: Any) -> list[str]:
        """The names, cleaned; FilterError when it is no list of texts, too long, or one of them is wrong."""
        if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
            raise FilterError(f"{self.name} must be {self.allowed}, not {value!r}.", self.name)
        names = list(dict.fromkeys(cleaned for one in value if (cleaned := " ".join(one.split()).upper())))
        if len(names) > self.most:
            raise FilterError(f"{self.name} must be {self.allowed}, not {len(names)} of them.", self.name)
        for one in names:
            if problem := self.wrong(one) or ("is longer than 64 letters." if len(one) > 64 else ""):
                raise FilterError(f"{self.name}: {one[:64]!r} {problem}", self.name)
        return names


Parameter = Number | Choice | Names
