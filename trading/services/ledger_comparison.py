"""Comparing what we stored of a practice account with the practice exchange's own ledger."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.crypto import unseal
from accounts.exchanges.endpoints import EXAMPLE, endpoints_for
from accounts.models import ExchangeAccount
from trading.domain.books import Books, FillLine, OrderLine, books_differ, books_of_exchange, symbol_plain
from trading.domain.money import exact
from trading.models import Balance, Fill, LedgerEntry, Order

TIMEOUT_S = 30.0


class LedgerUnavailable(RuntimeError):
    """The comparison cannot be made; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much was compared, and every difference in words (none: the books are equal to the last digit)."""

    orders: int
    fills: int
    currencies: int
    differences: list[str]


def ledger_compare(*, account: ExchangeAccount) -> Comparison:
    """Compare orders, fills, fees and balances of a practice account with the exchange's ledger.

    Raises LedgerUnavailable when the account is on paper, or the exchange does not show its ledger.
    """
    theirs = books_of_exchange(ledger_fetch(account=account))
    ours, own = books_of_account(account=account), ledger_adds_up(account=account)
    return Comparison(len(theirs.orders), len(theirs.fills), len(theirs.balances), own + books_differ(ours, theirs))


def ledger_fetch(*, account: ExchangeAccount) -> dict[str, Any]:
    """The exchange's ledger of the account's key, which is opened here and goes nowhere else."""
    where = endpoints_for(account.exchange)
    if account.mode != ExchangeAccount.Mode.PRACTICE or not account.sealed_credentials:
        raise LedgerUnavailable("Only an account of mode practice, with keys, has a ledger to compare with.")
    if where is None:
        raise LedgerUnavailable(
            f"XRAY_EXCHANGE_ENDPOINTS names no server for {account.exchange}: set it to the practice exchange's "
            f"address, such as {EXAMPLE}"
        )
    if not settings.PRACTICE_ADMIN_TOKEN:
        raise LedgerUnavailable("PRACTICE_ADMIN_TOKEN is not set: the exchange shows its ledger to its holder only.")
    key = urllib.parse.quote(unseal(account.sealed_credentials)["api_key"], safe="")
    request = urllib.request.Request(
        f"{where.rest}/practice/admin/ledger?key={key}", headers={"X-Practice-Admin": settings.PRACTICE_ADMIN_TOKEN}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # nosec B310 - http(s), checked at start
            ledger: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        raise LedgerUnavailable(f"The exchange does not show its ledger: {error.code} {error.reason}.") from None
    except (OSError, ValueError) as error:
        raise LedgerUnavailable(f"The exchange cannot be asked for its ledger: {error}.") from None
    return ledger


def books_of_account(*, account: ExchangeAccount) -> Books:
    """What the platform stored of an account, read at one moment."""
    with transaction.atomic():
        orders = [
            OrderLine(
                row.client_order_id, symbol_plain(row.instrument.symbol), row.side, row.amount, row.filled, row.status
            )
            for row in Order.objects.filter(account=account).select_related("instrument").order_by("id")
        ]
        fills = [
            FillLine(
                symbol_plain(row.instrument.symbol),
                row.trade_id,
                row.side,
                row.price,
                row.amount,
                row.fee,
                row.fee_currency,
            )
            for row in Fill.objects.filter(account=account).select_related("instrument").order_by("id")
        ]
        balances = dict(Balance.objects.filter(account=account).values_list("currency", "total"))
    return Books(tuple(orders), tuple(fills), balances)


@exact
def ledger_adds_up(*, account: ExchangeAccount) -> list[str]:
    """Where a balance of ours is not the sum of its ledger lines; empty when all are."""
    with transaction.atomic():
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for currency, amount in LedgerEntry.objects.filter(account=account).values_list("currency", "amount"):
            sums[currency] += amount
        totals = dict(Balance.objects.filter(account=account).values_list("currency", "total"))
    return [
        f"balance {name}: {totals.get(name, Decimal(0)):f} stored, but its ledger lines sum up to {sums[name]:f}"
        for name in sorted(sums.keys() | totals.keys())
        if sums[name] != totals.get(name, Decimal(0))
    ]
