"""What accounts are worth now: the one place where balances meet routes and quotes.

Nothing here asks an exchange: balances are the ledger's, quotes are those that the streams saw.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from accounts.clock import now
from accounts.fields import decimal_text
from accounts.models import ExchangeAccount
from signals.models import Instrument
from signals.quotes import QuoteRow, latest_all
from trading.domain.deposit.routes import OLDEST_QUOTE, Pair, Routes, routes_build
from trading.domain.deposit.valuation import Line, Valuation, account_value
from trading.models import Balance

ROUTES_S = 60.0
Amounts = Mapping[str, Decimal]
_routes: dict[tuple[str, str], tuple[float, Routes]] = {}


def routes_of(exchange: str, currency: str) -> Routes:
    """Routes of all currencies of an exchange to one, worked out once a minute and process."""
    known = _routes.get((exchange, currency))
    if known is not None and time.monotonic() < known[0]:
        return known[1]
    rows = Instrument.objects.filter(exchange=exchange, active=True, market_type="spot").order_by()
    pairs = [Pair(*row) for row in rows.values_list("symbol", "base", "quote", "volume_quote_24h")]
    routes = routes_build(pairs, currency, latest_all(exchange).get)
    if pairs:  # no market was loaded yet: look again
        _routes[exchange, currency] = time.monotonic() + ROUTES_S, routes
    return routes


def routes_forget() -> None:
    """Forget what was worked out (tests)."""
    _routes.clear()


def amounts_of(accounts: Iterable[ExchangeAccount]) -> dict[int, dict[str, Decimal]]:
    """The ledger's balances by account primary key and currency; one query."""
    found: dict[int, dict[str, Decimal]] = defaultdict(dict)
    rows = Balance.objects.filter(account__in=list(accounts)).values_list("account_id", "currency", "total")
    for account_id, currency, total in rows:
        found[account_id][currency] = total
    return found


class Market:
    """The newest quotes of some exchanges, read once for many valuations."""

    def __init__(self) -> None:
        self.at = now()
        self._quotes: dict[str, dict[str, QuoteRow]] = {}

    def value(self, account: ExchangeAccount, amounts: Amounts, locked: Amounts | None = None) -> Valuation:
        """The account's value at the newest quotes. An account without coins needs neither routes nor quotes."""
        currency = account.quote_currency
        coins = any(amount for name, amount in amounts.items() if name != currency)
        routes = routes_of(account.exchange, currency) if coins else Routes(currency)
        quotes = self.quotes(account.exchange) if coins else {}
        return account_value(amounts, routes=routes, quote_of=quotes.get, at=self.at, locked=locked)

    def quotes(self, exchange: str) -> dict[str, QuoteRow]:
        """The newest quotes of an exchange."""
        if exchange not in self._quotes:
            self._quotes[exchange] = latest_all(exchange)
        return self._quotes[exchange]

    def delivers(self, exchange: str) -> bool:
        """Whether any quote of the exchange is young enough to be used."""
        return any(self.at - row.at <= OLDEST_QUOTE for row in self.quotes(exchange).values())


def line_stored(line: Line) -> dict[str, Any]:
    """A line as it is stored and answered: numbers as texts, times in ISO 8601, what is missing as null."""
    return {
        "currency": line.currency,
        "amount": decimal_text(line.amount),
        "locked": decimal_text(line.locked),
        "route": list(line.route),
        "price": None if line.price is None else decimal_text(line.price),
        "at": None if line.at is None else line.at.isoformat(),
        "value": None if line.value is None else decimal_text(line.value),
        "why": str(line.why),
    }


def symbols_valued(exchange: str) -> set[str]:
    """Pairs whose prices are needed to value what accounts of this exchange hold: streamed whatever is scanned."""
    accounts = ExchangeAccount.objects.filter(exchange=exchange).exclude(status=ExchangeAccount.Status.REMOVED)
    rows = Balance.objects.filter(account__in=accounts).exclude(total=0)
    wanted = rows.order_by().values_list("account__quote_currency", "currency").distinct()
    return {
        symbol
        for target, currency in wanted
        if currency != target
        for symbol in routes_of(exchange, target).symbols(currency)
    }
