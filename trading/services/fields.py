"""Small parsers of what users type; each raises ValueError with a message that says what is allowed."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from accounts.fields import ExactDecimalField, number_read, storable

MAX_SYMBOLS = 500


@dataclass(frozen=True, slots=True)
class Range:
    """A range of numbers and the words that tell a user what it is."""

    low: Decimal
    high: Decimal
    words: str
    open_ends: bool = False

    def decimal(self, raw: Any) -> Decimal:
        """The number, exactly as typed (JSON floats are taken at their shortest text)."""
        number = decimal_value(raw, self.words)
        inside = self.low < number < self.high if self.open_ends else self.low <= number <= self.high
        if not inside:
            raise ValueError(self.words)
        return number

    def integer(self, raw: Any) -> int:
        """A whole number in the range."""
        number = self.decimal(raw)
        if number != number.to_integral_value():
            raise ValueError(self.words)
        return int(number)


def decimal_value(raw: Any, words: str) -> Decimal:
    """A finite Decimal that the database can keep exactly."""
    if isinstance(raw, bool) or raw is None:
        raise ValueError(words)
    try:
        number = Decimal(repr(raw)) if isinstance(raw, float) else number_read(str(raw).strip())
        checked = ExactDecimalField().to_python(number)
    except (InvalidOperation, ValidationError):
        comma = " Write it with a point, such as 10.5." if "," in str(raw) else ""
        raise ValueError(f"Not a usable number.{comma} {words}") from None
    if checked is None:
        raise ValueError(words)
    return checked


def one_of(allowed: Sequence[str]) -> Callable[[Any], str]:
    """A parser of one word out of `allowed`."""

    def check(raw: Any) -> str:
        if raw not in allowed:
            raise ValueError(f"One of: {', '.join(allowed)}.")
        return str(raw)

    return check


def some_of(allowed: Sequence[str]) -> Callable[[Any], list[str]]:
    """A parser of a list of words out of `allowed`."""

    def check(raw: Any) -> list[str]:
        values = [] if raw in (None, "") else [raw] if isinstance(raw, str) else raw
        if not isinstance(values, list | tuple) or any(value not in allowed for value in values):
            raise ValueError(f"Any of: {', '.join(allowed)}.")
        return [name for name in allowed if name in values]

    return check


def boolean(raw: Any) -> bool:
    """True or false, as JSON or as a form says it."""
    if isinstance(raw, bool):
        return raw
    text = str(raw).strip().lower()
    if text in ("true", "on", "1", "yes"):
        return True
    if text in ("false", "off", "0", "no", ""):
        return False
    raise ValueError("Either true or false.")


def symbol_list(raw: Any) -> list[str]:
    """Unified symbols from a list or from text separated by commas or white space, each once."""
    given = raw.strip() if isinstance(raw, str) else raw
    if isinstance(raw, str):
        raw = raw.replace(",", " ").split()
    if not isinstance(raw, list | tuple) or not all(isinstance(item, str) and storable(item) for item in raw):
        raise ValueError("A list of symbols such as BTC/USDT, or an empty list for every scanned symbol.")
    symbols = list(dict.fromkeys(item.strip().upper() for item in raw if item.strip()))
    if given and not symbols:  # it must not come to mean every symbol
        raise ValueError("No symbol is named: BTC/USDT, ETH/USDT, ..., or leave it empty for every scanned symbol.")
    if len(symbols) > MAX_SYMBOLS:
        raise ValueError(f"At most {MAX_SYMBOLS} symbols.")
    return symbols


def by_reference(rows: QuerySet[Any], reference: Any) -> Any:
    """The row that `reference` means: itself, its public id, or its primary key; None when it is not among `rows`."""
    if reference in (None, "") or isinstance(reference, bool):
        return None
    key = str(getattr(reference, "pk", reference))
    if key.isascii() and key.isdigit():
        return rows.filter(pk=int(key)).first() if len(key) < 19 else None
    try:
        return rows.filter(public_id=uuid.UUID(key)).first()
    except ValueError:
        return None
