"""Database fields shared by all rooms."""

import decimal
import re
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
MAX_DIGITS = 60
DECIMAL_PLACES = 30


def decimal_text(value: Decimal) -> str:
    """Canonical text of a number: no exponent, no trailing zeros, no negative zero."""
    if value == 0:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def number_read(text: str) -> Decimal:
    """A number as people write it: Python's own reading takes "1_000", digits of other scripts and "nan" as well.

    Raises decimal.InvalidOperation.
    """
    if not _NUMBER.fullmatch(text):
        raise decimal.InvalidOperation(f"{text[:40]!r} is no number")
    return Decimal(text)


def _fits(number: Decimal) -> bool:
    """Whether a database keeps it as it is; False means that it takes a closer look."""
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -DECIMAL_PLACES and number.adjusted() < MAX_DIGITS - DECIMAL_PLACES


def storable(text: str) -> bool:
    """Whether a database can keep this text: no NUL, no half of a surrogate pair."""
    return not any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in text)


class ExactDecimalField(models.Field):
    """A Decimal that comes back exactly as it went in, on every database.

    numeric on PostgreSQL, canonical text on SQLite (whose own decimals are floats of 15 digits).
    Under SQLite there are therefore no SQL sums, orderings or comparisons on it: do them in Python.
    At most 30 digits on either side of the point; NaN and infinities are refused with ValidationError.
    """

    def db_type(self, connection: Any) -> str:
        """Column type per database vendor."""
        return f"numeric({MAX_DIGITS}, {DECIMAL_PLACES})" if connection.vendor == "postgresql" else "text"

    def get_internal_type(self) -> str:
        """Not one of Django's own types, so that no backend converts it through float."""
        return "ExactDecimalField"

    def to_python(self, value: Any) -> Decimal | None:
        """Decimal from Decimal, int or text; floats are refused, they are not money."""
        if value is None or value == "":
            return None
        if isinstance(value, float):
            raise ValidationError("A float is not an exact amount; give a Decimal or text.")
        try:
            number = value if isinstance(value, Decimal) else number_read(str(value))
        except decimal.InvalidOperation:
            raise ValidationError(f"{value!r} is not a number.") from None
        return self._checked(number)

    @staticmethod
    def _checked(number: Decimal) -> Decimal:
        if not number.is_finite():
            raise ValidationError("The amount must be a finite number.")
        if number and not -MAX_DIGITS <= number.adjusted() <= MAX_DIGITS:  # 1e999999999 written out fills the memory
            raise ValidationError(f"At most {MAX_DIGITS - DECIMAL_PLACES} digits on either side of the point are kept.")
        number = Decimal(decimal_text(number))
        exponent = number.as_tuple().exponent
        if isinstance(exponent, int) and -exponent > DECIMAL_PLACES:
            raise ValidationError(f"At most {DECIMAL_PLACES} digits after the point are kept.")
        if number.adjusted() >= MAX_DIGITS - DECIMAL_PLACES:
            raise ValidationError(f"At most {MAX_DIGITS - DECIMAL_PLACES} digits before the point are kept.")
        return number

    def from_db_value(self, value: Any, _expression: Any, _connection: Any) -> Decimal | None:
        """Canonical Decimal, the same on both databases."""
        return None if value is None else Decimal(decimal_text(Decimal(value)))

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Decimal for PostgreSQL, canonical text for SQLite."""
        number = value if type(value) is Decimal and _fits(value) else self.to_python(value)
        if number is None:
            return None
        return number if connection.vendor == "postgresql" else decimal_text(number)

    def get_prep_value(self, value: Any) -> Any:
        """Checked Decimal (expressions pass through)."""
        return value if hasattr(value, "resolve_expression") else self.to_python(value)

    def value_to_string(self, obj: Any) -> str:
        """Text for serializers (dumpdata)."""
        value: Any = self.value_from_object(obj)
        return "" if value is None else decimal_text(Decimal(value))

    def formfield(self, **kwargs: Any) -> Any:
        """A decimal form field without a fixed number of places."""
        from django import forms

        return super().formfield(**{"form_class": forms.DecimalField, **kwargs})  # type: ignore[arg-type]
