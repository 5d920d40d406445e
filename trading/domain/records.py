"""Events as records: a kind and JSON that gives the same event back, exactly (decimals and times are text)."""

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from trading.domain import types as vocabulary
from trading.domain.money import text
from trading.domain.types import Event

KINDS: dict[str, type] = {
    "intent_taken": vocabulary.IntentTaken,
    "quote_seen": vocabulary.QuoteSeen,
    "clock_mark": vocabulary.ClockMark,
    "bot_changed": vocabulary.BotChanged,
    "plan_applied": vocabulary.PlanApplied,
    "order_answered": vocabulary.OrderAnswered,
    "fill_seen": vocabulary.FillSeen,
    "cash_moved": vocabulary.CashMoved,
    "instrument_seen": vocabulary.InstrumentSeen,
    "limits_seen": vocabulary.LimitsSeen,
    "run_started": vocabulary.RunStarted,
}
_NAMES = {kind: name for name, kind in KINDS.items()}


def event_kind(event: Event) -> str:
    """The record's kind. KeyError for something that is no event."""
    return _NAMES[type(event)]


def event_payload(event: Event) -> dict[str, Any]:
    """The event as JSON."""
    return _plain(event)


def event_from(kind: str, payload: Mapping[str, Any]) -> Event:
    """The event of a record. ValueError for a kind or payload that is none."""
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of event; known: {', '.join(KINDS)}.")
    try:
        return _built(KINDS[kind], payload)
    except (KeyError, TypeError, ArithmeticError) as error:
        raise ValueError(f"The payload of a {kind} is not complete: {error!r}.") from error


def value_payload(value: Any) -> Any:
    """Any value of the vocabulary as JSON: decimals and times as text, spans of time in microseconds."""
    return _plain(value)


def value_from(kind: Any, payload: Any) -> Any:
    """The value of type `kind` again. Raises KeyError, TypeError, ValueError or ArithmeticError for what is none."""
    return _built(kind, payload)


def _plain(value: Any) -> Any:
    kind: Any = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is Decimal:
        return text(value)
    if (names := _names(kind)) is not None:
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return [[str(_plain(key)), _plain(one)] for key, one in value.items()]  # jsonb does not keep an object's order
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value // timedelta(microseconds=1)
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, UUID) else value


@cache
def _names(kind: Any) -> tuple[str, ...] | None:
    """The fields of a dataclass; None for anything else."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else None


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _built(kind: Any, value: Any) -> Any:
    """`value` as the annotated type `kind` says."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if value is None else _built(next(a for a in inner if a is not types.NoneType), value)
    if origin is dict:
        return {_built(inner[0], key): _built(inner[1], one) for key, one in value}
    if origin is list:
        return [_built(inner[0], one) for one in value]
    if origin is tuple:
        return tuple(_built(inner[0], one) for one in value)
    if is_dataclass(kind):
        # Fields that came later than the record have their defaults.
        return kind(**{name: _built(hint, value[name]) for name, hint in _hints(kind).items() if name in value})  # type: ignore[operator,arg-type]
    if kind in (datetime, date):
        return kind.fromisoformat(value)
    if kind is timedelta:
        return timedelta(microseconds=value)
    return value if kind in (str, int, bool) else kind(value)
