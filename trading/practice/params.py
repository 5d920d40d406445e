"""Typed access to a request's parameters, with Binance's codes for what is missing or malformed."""

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from trading.practice import errors
from trading.practice.decimals import ZERO

CLIENT_ID = re.compile(r"[a-zA-Z0-9\-_.:/]{1,36}")
LARGEST = Decimal(10) ** 20


class Params:
    """The parameters of one call, all as texts."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = {name: _text(value) for name, value in values.items() if value is not None}

    def __contains__(self, name: str) -> bool:
        return bool(self._values.get(name))

    def all(self) -> dict[str, str]:
        """Every parameter as text."""
        return dict(self._values)

    def text(self, name: str, default: str | None = None) -> str:
        """A text; mandatory unless a default is given."""
        value = self._values.get(name) or default
        if value is None:
            raise errors.missing(name)
        return value

    def integer(self, name: str, default: int | None = None, least: int = 0) -> int:
        """A whole number of at least ``least``; mandatory unless a default is given."""
        if name not in self and default is not None:
            return default
        text = self.text(name)
        if not re.fullmatch(r"-?\d{1,18}", text) or int(text) < least:
            raise errors.bad_value(name)
        return int(text)

    def amount(self, name: str, needed: bool = True) -> Decimal:
        """A positive decimal; zero when absent and not needed."""
        if name not in self and not needed:
            return ZERO
        try:
            value = Decimal(self.text(name))
        except InvalidOperation:
            raise errors.bad_value(name) from None
        if not value.is_finite() or value <= 0 or value > LARGEST:
            raise errors.bad_value(name)
        return value

    def choice(self, name: str, allowed: tuple[str, ...], error: errors.ApiError, default: str | None = None) -> str:
        """One of the allowed words, else ``error``."""
        word = self.text(name, default)
        if word not in allowed:
            raise error
        return word

    def client_id(self, name: str) -> str | None:
        """A client's own id for an order or a list, None when absent."""
        if name not in self:
            return None
        if not CLIENT_ID.fullmatch(self.text(name)):
            raise errors.illegal(name)
        return self.text(name)

    def words(self, name: str) -> list[str]:
        """A JSON list of texts such as ``["BTCUSDT","ETHUSDT"]``."""
        return re.findall(r"[A-Za-z0-9_]+", self.text(name, "[]"))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ",".join(f'"{item}"' for item in value) + "]"
    return str(value)
