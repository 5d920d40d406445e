"""The contract of a strategy: what it needs, what it may be told, what it says. Copy a neighbour's file to add one.

A strategy reads indicator columns of all symbols at once and answers arrays; it sees a candle and the ones before it
only (a test compares every prefix with the whole). Missing values are NaN, and every comparison with NaN is false,
so a lane without values gives no signal.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from signals.domain.indicators.catalog import Indicator
from signals.domain.lanes import Lanes
from signals.domain.strategies.trace import Symbol, shifted

Values = Mapping[str, Any]
LARGEST = 1e300
VOLATILITY = Indicator("vol_ratio", (14, 100))


class ParameterError(ValueError):
    """Parameters that are not allowed; the message says what is."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number a strategy can be told, with its range (both ends allowed)."""

    name: str
    default: float
    low: float
    high: float
    help: str

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are allowed (the default is an int)."""
        return isinstance(self.default, int)

    def checked(self, value: Any) -> float:
        """The value as int or float; ParameterError when it is not a number of the range."""
        allowed = (
            f"{self.name} must be a {'whole number' if self.whole else 'number'} from {self.low:g} to {self.high:g}"
        )
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
            raise ParameterError(f"{allowed}, not {value!r}.")
        if not self.low <= value <= self.high or (self.whole and value != int(value)):
            raise ParameterError(
                f"{allowed}, not {value!r}." if isinstance(value, int) else f"{allowed}, not {value:g}."
            )
        return int(value) if self.whole else float(value)


def adapt_parameter(default: float) -> Parameter:
    """The parameter `adapt` of strategies whose thresholds follow volatility."""
    return Parameter("adapt", default, 0.0, 1.0, "How far thresholds follow the symbol's volatility; 0: not at all.")


@dataclass(frozen=True, slots=True)
class Decisions:
    """side: int8 (symbols, time), 1 buy, -1 sell (leave), 0 nothing; confidence: float64 0..1, same shape.

    `details` holds named arrays of the same shape: what the decision was made from, stored with the signal.
    """

    side: np.ndarray
    confidence: np.ndarray
    details: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, buy: Any, sell: Any, confidence: Any, **details: Any) -> "Decisions":
        """From two bool masks; confidence is cut to 0..1 and is 0 where nothing is said or it is not a number."""
        positive = np.where(confidence > 0.0, confidence, 0.0)
        clean = np.where(positive < 1.0, positive, 1.0)
        said = np.where(buy | sell, clean, 0.0)
        side: Any = (buy, sell)
        if isinstance(buy, np.ndarray):
            side = buy.astype(np.int8) - sell.astype(np.int8)
        return cls(side, said, details)


class Strategy(ABC):
    """Base of all strategies; one instance per kind, without state."""

    kind: ClassVar[str]
    name: ClassVar[str]
    title: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]]

    def validate(self, given: Values) -> dict[str, float]:
        """All parameters, defaults filled in; ParameterError with what is allowed otherwise."""
        known = {parameter.name: parameter for parameter in self.parameters}
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise ParameterError(f"{self.kind} has no parameter {unknown[0]!r}. It has: {', '.join(known)}.")
        values = {name: parameter.checked(given.get(name, parameter.default)) for name, parameter in known.items()}
        self.check(values)
        return values

    def check(self, values: Values) -> None:  # noqa: B027 - most strategies have no such rule
        """Rules between parameters; raise ParameterError."""

    @abstractmethod
    def indicators(self, values: Values) -> tuple[Indicator, ...]:
        """The indicators whose columns `decide` reads."""

    def needs(self, values: Values) -> int:
        """How many columns before a candle `decide` looks at, the candle's own not counted."""
        return 1

    @abstractmethod
    def decide(self, lanes: Lanes, values: Values) -> Decisions:
        """What it says of every symbol at every candle of `lanes`."""

    @abstractmethod
    def reason(self, side: int, values: Values, details: Mapping[str, float]) -> str:
        """One sentence for a person; `details` are the numbers of one signal."""


def before(values: Any, candles: int = 1) -> Any:
    """The values of `candles` candles earlier; NaN (of truth values: false) where there are none."""
    if isinstance(values, Symbol):
        return shifted(values, candles)
    moved = np.zeros_like(values) if values.dtype == bool else np.full_like(values, np.nan)
    moved[:, candles:] = values[:, :-candles]
    return moved


def crossed_above(a: Any, b: Any) -> Any:
    """a is above b now and was not one candle ago (false where one of the four is NaN)."""
    return (a > b) & (before(a) <= before(b))


def saturating(strength: Any, half: float) -> Any:
    """Strength (0 and up) to confidence: 0 at 0, 0.5 at `half`, towards 1 beyond; 0 where strength is NaN."""
    positive = np.where(strength > 0.0, strength, 0.0)
    bounded = np.where(positive < LARGEST, positive, LARGEST)
    return bounded / (bounded + half)


def volatility_scale(ratio: Any, adapt: float) -> Any:
    """How much wider a threshold is than its parameter says: 1 + adapt * (ratio - 1), where ratio is the present ATR
    over its own mean (indicator `vol_ratio`), held between 0.5 and 2, and 1 while it is not known. adapt 0: not at all.
    """
    held = np.where(ratio < 0.5, 0.5, np.where(ratio > 2.0, 2.0, ratio))
    return 1.0 + adapt * (np.where(ratio > 0.0, held, 1.0) - 1.0)


def per_atr(distance: Any, atr: Any) -> Any:
    """A price distance in units of ATR; NaN where the range is zero."""
    return distance / np.where(atr > 0.0, atr, np.nan)
