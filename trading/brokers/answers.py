"""Numbers in an exchange's answers, to the last digit."""

from decimal import Decimal
from typing import Any


def number(value: Any) -> Decimal:
    """A Decimal from what ccxt made of a number; zero for nothing."""
    return Decimal(0) if value is None else Decimal(repr(value) if isinstance(value, float) else str(value))


def exact_value(trade: dict[str, Any], name: str) -> Decimal:
    """A trade's price or amount to the last digit.

    ccxt turns the exchange's text into a float; the text of the same value is taken from the raw answer when there.
    """
    return exact_of(trade.get(name), trade.get("info"))


def exact_of(value: Any, raw: Any) -> Decimal:
    """The raw text that a float came from; the float's own shortest text when there is none."""
    if isinstance(value, float) and isinstance(raw, dict):
        for text in raw.values():
            if isinstance(text, str) and _is_number(text) and abs(float(text)) == abs(value):
                return Decimal(text).copy_sign(Decimal(repr(value)))
    return number(value)


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except ArithmeticError:
        return False
