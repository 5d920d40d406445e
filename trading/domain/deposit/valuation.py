"""The value of a whole account: every token it holds, free or locked in orders, in its quote currency.

A token without a price is listed without a value; it is never worth zero. Dust counts like everything else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum

from trading.domain.deposit.routes import ONE, ZERO, QuoteOf, Routes
from trading.domain.money import CONTEXT, exact

VALUE_STEP = Decimal("1e-30")  # what a column can keep; values of several legs are cut to it, never rounded up


class Unpriced(StrEnum):
    """Why a token has no price."""

    PRICED = ""
    NO_ROUTE = "no_route"  # the exchange trades no pair that leads to the account's currency
    NO_QUOTE = "no_quote"  # it does, but no usable quote of the last minutes is there


@dataclass(frozen=True, slots=True)
class Line:
    """One token. `locked` is what open orders reserve of `amount`; `at` is the time of the route's oldest leg."""

    currency: str
    amount: Decimal
    locked: Decimal
    route: tuple[str, ...] = ()
    price: Decimal | None = None
    at: datetime | None = None
    value: Decimal | None = None
    why: Unpriced = Unpriced.PRICED


@dataclass(frozen=True, slots=True)
class Valuation:
    """Lines by value, the largest first, then those without a price. `equity` and `cash` are in `currency`."""

    currency: str
    at: datetime
    lines: tuple[Line, ...]
    equity: Decimal
    cash: Decimal

    @property
    def in_coins(self) -> Decimal:
        """The value of everything that is not the quote currency."""
        return self.equity - self.cash

    @property
    def unpriced(self) -> list[str]:
        """Tokens without a price, by name."""
        return sorted(line.currency for line in self.lines if line.value is None)

    @property
    def waits(self) -> bool:
        """Whether a token that can be priced has no usable quote: the sum would be a loss that never was."""
        return any(line.why is Unpriced.NO_QUOTE for line in self.lines)

    @property
    def oldest(self) -> datetime:
        """When the oldest price in it was seen."""
        return min((line.at for line in self.lines if line.at is not None), default=self.at)


@exact
def account_value(
    amounts: Mapping[str, Decimal],
    *,
    routes: Routes,
    quote_of: QuoteOf,
    at: datetime,
    locked: Mapping[str, Decimal] | None = None,
) -> Valuation:
    """Value all amounts in the routes' target currency.

    Raises:
        ValueError: an amount is no finite number.

    """
    held = locked or {}
    lines = [
        _line(currency, amount, held.get(currency, ZERO), routes, quote_of, at)
        for currency, amount in amounts.items()
        if amount
    ]
    lines.sort(key=lambda line: (line.value is None, -(line.value or ZERO), line.currency))
    equity = sum((line.value for line in lines if line.value is not None), ZERO)
    return Valuation(routes.target, at, tuple(lines), equity, amounts.get(routes.target, ZERO))


def _line(currency: str, amount: Decimal, locked: Decimal, routes: Routes, quote_of: QuoteOf, at: datetime) -> Line:
    if not amount.is_finite():
        raise ValueError(f"{amount} {currency} is not an amount.")
    if currency == routes.target:
        return Line(currency, amount, locked, (currency,), ONE, at, amount)
    found = routes.priced(currency, quote_of, at)
    if found is None:
        why = Unpriced.NO_QUOTE if routes.by_currency.get(currency) else Unpriced.NO_ROUTE
        return Line(currency, amount, locked, why=why)
    route, (price, seen) = found
    return Line(currency, amount, locked, route.currencies, price, seen, _cut(amount * price))


def _cut(value: Decimal) -> Decimal:
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= -30:
        return value
    return value.quantize(VALUE_STEP, rounding=ROUND_FLOOR, context=CONTEXT)
