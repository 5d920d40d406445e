"""The contract of a strategy: checked in its own process, where the line can be named, and again by the platform."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from signals.domain.indicators.catalog import Indicator
from signals.domain.strategies.base import Decisions, Parameter, Strategy

KIND = re.compile(r"[a-z][a-z0-9_]{1,31}")
NEEDS_LIMIT = 800  # candles: a lane keeps a thousand
DETAILS_LIMIT = 32
PARAMETERS_LIMIT = 32
INDICATORS_LIMIT = 64
TEXT = 240


class ContractError(ValueError):
    """A strategy that does not keep the contract; the message says what the contract asks."""


def described(strategy: Strategy) -> dict[str, Any]:
    """kind, name, title, parameters as JSON values. Raises ContractError."""
    texts = {name: _text_of(strategy, name) for name in ("kind", "name", "title")}
    if not KIND.fullmatch(texts["kind"]):
        raise ContractError(f"kind must be lower-case letters, digits and _ (at most 32), not {texts['kind']!r}.")
    given = getattr(strategy, "parameters", None)
    if not isinstance(given, tuple) or not all(isinstance(one, Parameter) for one in given):
        raise ContractError("parameters must be a tuple of Parameter(name, default, low, high, help); () for none.")
    if len(given) > PARAMETERS_LIMIT:
        raise ContractError(f"A strategy has at most {PARAMETERS_LIMIT} parameters, not {len(given)}.")
    return {**texts, "parameters": [_parameter(one) for one in given]}


def planned(strategy: Strategy, values: Mapping[str, Any]) -> dict[str, Any]:
    """The rules between the parameters checked; indicators and needs as JSON values. Raises ContractError."""
    strategy.check(values)
    indicators = strategy.indicators(values)
    if not isinstance(indicators, (tuple, list)) or not all(isinstance(one, Indicator) for one in indicators):
        raise ContractError("indicators(values) must give a tuple of Indicator(kind, arguments).")
    if len(indicators) > INDICATORS_LIMIT:
        raise ContractError(f"A strategy reads at most {INDICATORS_LIMIT} indicators, not {len(indicators)}.")
    needs = strategy.needs(values)
    if isinstance(needs, bool) or not isinstance(needs, (int, np.integer)) or not 0 <= needs <= NEEDS_LIMIT:
        raise ContractError(f"needs(values) must give a whole number from 0 to {NEEDS_LIMIT:,}, not {needs!r}.")
    return {"indicators": [asdict(one) for one in indicators], "needs": int(needs)}


def decisions_checked(said: Any, shape: tuple[int, ...]) -> Decisions:
    """Decisions with arrays of the right types and of `shape`. Raises ContractError saying what is wrong."""
    if not isinstance(said, Decisions):
        raise ContractError(f"decide must give Decisions (see Decisions.of), not {type(said).__name__}.")
    side, confidence = (_array(said, name, shape) for name in ("side", "confidence"))
    if not np.isin(side, (-1, 0, 1)).all():
        raise ContractError("side must be 1 (buy), -1 (sell) or 0 (nothing) everywhere.")
    if not (np.isfinite(confidence).all() and (confidence >= 0.0).all() and (confidence <= 1.0).all()):
        raise ContractError("confidence must be a finite number from 0 to 1 everywhere (Decisions.of sees to it).")
    if not isinstance(said.details, dict) or len(said.details) > DETAILS_LIMIT:
        raise ContractError(f"details must be a dict of at most {DETAILS_LIMIT} arrays.")
    details = {str(name)[:40]: _shaped(f"details[{name!r}]", value, shape) for name, value in said.details.items()}
    return Decisions(side.astype(np.int8), confidence.astype(np.float64), details)


def texts_checked(texts: Iterable[Any]) -> list[str]:
    """Reasons, cut to what is stored. Raises ContractError for anything that is no text."""
    checked = []
    for text in texts:
        if not isinstance(text, str) or not text.strip():
            raise ContractError(f"reason must give one sentence of text, not {text!r:.80}.")
        checked.append(text.replace("\0", "")[:TEXT])
    return checked


def _text_of(strategy: Strategy, name: str) -> str:
    text = getattr(strategy, name, None)
    if not isinstance(text, str) or not text.strip() or len(text) > 80:
        raise ContractError(f"The class must have {name} = a text of 1 to 80 characters, not {text!r:.60}.")
    return text.strip()


def _parameter(one: Parameter) -> list[Any]:
    numbers = (one.default, one.low, one.high)
    fine = isinstance(one.name, str) and one.name.isidentifier() and len(one.name) <= 40 and isinstance(one.help, str)
    if not fine or not all(isinstance(number, (int, float)) and np.isfinite(number) for number in numbers):
        raise ContractError(f"Parameter {one.name!r:.60} needs a name, three finite numbers and a help text.")
    if not one.low <= one.default <= one.high:
        raise ContractError(f"The default of {one.name} ({one.default:g}) must lie in {one.low:g} to {one.high:g}.")
    return [one.name, one.default, one.low, one.high, one.help[:TEXT]]


def _array(said: Decisions, name: str, shape: tuple[int, ...]) -> np.ndarray:
    return _shaped(name, getattr(said, name), shape)


def _shaped(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
        raise ContractError(f"{name} must be an array of numbers, not {type(value).__name__}.")
    if value.shape != shape:
        raise ContractError(f"{name} must have the shape (symbols, time) = {shape}, not {value.shape}.")
    return value.astype(np.float64) if name.startswith("details") else value
