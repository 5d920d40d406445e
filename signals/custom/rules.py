"""A custom strategy as the platform sees it: the contract of `signals.domain.strategies`, answered by its process."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from signals.custom.client import Child, StrategyFailure
from signals.custom.contract import DETAILS_LIMIT, INDICATORS_LIMIT, NEEDS_LIMIT, ContractError, decisions_checked
from signals.domain.indicators.catalog import Indicator
from signals.domain.lanes import Lanes
from signals.domain.strategies.base import Decisions, Parameter, ParameterError, Strategy, Values

PREFIX = "custom:"
PRICES = ("open", "high", "low", "close", "volume")
CHUNK = 512  # newest candles in one question; it sees so many and those that it `needs` before them
QUESTION_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What a strategy reads with given values: indicators, and how many candles before a decision's own."""

    indicators: tuple[Indicator, ...]
    needs: int


class CustomRules(Strategy):
    """Every method asks the process that `child` gives, with the strategy loaded; it may raise StrategyFailure."""

    def __init__(self, child: Callable[[], Child], seconds: float, decides_at: int = 0) -> None:
        self._child, self._seconds, self.decides_at = child, seconds, decides_at
        self._plans: dict[str, Plan] = {}

    def line(self, number: int) -> str:
        """One line of its file, from 1; empty where there is none."""
        return self._child().source_line(number)

    def check(self, values: Values) -> None:
        """The strategy's own rules between parameters. Raises ParameterError."""
        try:
            self.plan(values)
        except StrategyFailure as error:
            raise ParameterError(str(error)) from error

    def plan(self, values: Values) -> Plan:
        """Indicators and needs for these values; asked once."""
        key = json.dumps(dict(values), sort_keys=True)
        if key not in self._plans:
            answer, _ = self._child().ask("plan", self._seconds, values=dict(values))
            self._plans[key] = _plan(answer)
        return self._plans[key]

    def indicators(self, values: Values) -> tuple[Indicator, ...]:
        """The indicators it declares."""
        return self.plan(values).indicators

    def needs(self, values: Values) -> int:
        """The candles before a decision's own that it declares."""
        return self.plan(values).needs

    def decide(self, lanes: Lanes, values: Values) -> Decisions:
        """Its decisions for every candle; long histories are asked in chunks, each with the candles that it needs."""
        needs, length = self.needs(values), lanes.close.shape[1]
        if length <= CHUNK + needs:
            return self.decide_at_once(lanes, values)
        parts = []
        for begin in range(0, length, CHUNK):
            since, until = max(0, begin - needs), min(begin + CHUNK, length)
            parts.append(_cut(self.decide_at_once(between(lanes, since, until), values), begin - since))
        return _joined(parts)

    def decide_at_once(
        self, lanes: Lanes, values: Values, *, fresh: bool = True, seconds: float | None = None
    ) -> Decisions:
        """One question; not `fresh`: the strategy's module is the one of the question before."""
        shape = lanes.close.shape
        limit = shape[0] * shape[1] * (9 + 8 * DETAILS_LIMIT) + 1024
        arrays, limited = self._arrays(lanes, values), seconds or self._seconds
        _, out = self._child().ask("decide", limited, arrays, limit, values=dict(values), fresh=fresh)
        return _decisions(out, shape)

    def reason(self, side: int, values: Values, details: Mapping[str, float]) -> str:
        """One sentence for a person."""
        return self.reasons([(side, details)], values)[0]

    def reasons(self, items: Iterable[tuple[int, Mapping[str, float]]], values: Values) -> list[str]:
        """The sentences of many decisions in one question."""
        listed = [(side, {name: float(value) for name, value in details.items()}) for side, details in items]
        answer, _ = self._child().ask("reasons", self._seconds, values=dict(values), items=listed)
        said = answer.get("reasons")
        if not isinstance(said, list) or len(said) != len(listed) or not all(isinstance(text, str) for text in said):
            raise StrategyFailure("protocol", "Its process gave no reasons.")
        return [text[:240] for text in said]

    def explain(
        self, lanes: Lanes, values: Values, *, length: int, from_end: int | None = None, fresh: bool = True
    ) -> dict[str, Any] | None:
        """The first line whose values differ between all of `lanes` and `length` candles of it (see `trace`)."""
        header: dict[str, Any] = {"values": dict(values), "length": length, "from_end": from_end, "fresh": fresh}
        answer, _ = self._child().ask("explain", 30.0, self._arrays(lanes, values), **header)
        found = answer.get("difference")
        return found if isinstance(found, dict) else None

    def _arrays(self, lanes: Lanes, values: Values) -> dict[str, np.ndarray]:
        names = dict.fromkeys(name for indicator in self.indicators(values) for name in indicator.columns)
        arrays = {name: getattr(lanes, name) for name in PRICES} | {name: lanes[name] for name in names}
        if (size := 8 * lanes.close.size * len(arrays)) > QUESTION_BYTES:
            raise StrategyFailure(
                "memory",
                f"One question would hold {size >> 20} MB of candles. Scan fewer symbols, or need fewer candles.",
            )
        return arrays


def rules_of_child(child: Callable[[], Child], described: Mapping[str, Any], seconds: float) -> CustomRules:
    """The rules of a loaded strategy. Raises StrategyFailure for a description that cannot be."""
    try:
        parameters = tuple(_parameter(*row) for row in described["parameters"])
        texts = {name: str(described[name])[:80] for name in ("name", "title")}
        kind = f"{PREFIX}{str(described['kind'])[:32]}"
    except (KeyError, TypeError, ValueError) as error:
        raise StrategyFailure("protocol", f"Its process described it wrongly: {error}") from error
    made = type("CustomRules", (CustomRules,), {"kind": kind, "parameters": parameters, **texts})
    at = described.get("decides_at")
    return made(child, seconds, at if isinstance(at, int) else 0)


def between(lanes: Lanes, since: int, until: int) -> Lanes:
    """The candles since <= index < until (views)."""
    cut = slice(since, until)
    columns = {name: values[:, cut] for name, values in lanes.columns.items()}
    prices: dict[str, Any] = {name: getattr(lanes, name)[:, cut] for name in PRICES}
    return Lanes(**prices, columns=columns)


def _parameter(name: str, default: float, low: float, high: float, text: str) -> Parameter:
    if not all(isinstance(number, (int, float)) and np.isfinite(number) for number in (default, low, high)):
        raise ValueError("a parameter without numbers")
    return Parameter(str(name)[:40], default, low, high, str(text)[:240])


def _plan(answer: Mapping[str, Any]) -> Plan:
    try:
        given = answer["plan"]
        indicators = tuple(Indicator(**{**one, "args": tuple(one["args"])}) for one in given["indicators"])
        needs = int(given["needs"])
        if not 0 <= needs <= NEEDS_LIMIT or len(indicators) > INDICATORS_LIMIT:
            raise ValueError("too much is asked for")
    except (KeyError, TypeError, ValueError) as error:
        raise StrategyFailure("contract", f"Its indicators cannot be computed: {error}") from error
    return Plan(indicators, needs)


def _decisions(out: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> Decisions:
    """What came over the pipe is checked like what a stranger says."""
    details = {name.removeprefix("details."): array for name, array in out.items() if name.startswith("details.")}
    try:
        return decisions_checked(Decisions(out["side"], out["confidence"], details), shape)
    except (KeyError, ContractError) as error:
        raise StrategyFailure("protocol", f"Its process gave no decisions: {error}") from error


def _cut(said: Decisions, since: int) -> Decisions:
    details = {name: array[:, since:] for name, array in said.details.items()}
    return Decisions(said.side[:, since:], said.confidence[:, since:], details)


def _joined(parts: list[Decisions]) -> Decisions:
    """One after the other in time; a detail that a part does not have is NaN there."""
    names = dict.fromkeys(name for part in parts for name in part.details)
    details = {
        name: np.concatenate([part.details.get(name, np.full(part.side.shape, np.nan)) for part in parts], axis=1)
        for name in names
    }
    sides, confidences = ([getattr(part, name) for part in parts] for name in ("side", "confidence"))
    return Decisions(np.concatenate(sides, axis=1), np.concatenate(confidences, axis=1), details)
