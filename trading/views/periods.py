"""PnL of an account per period, in parts that add up: realised + unrealised - fees = PnL.

PnL is the change of the account's value with deposits taken out. Realised is the price result of what was closed in
the period, fees are those of its fills; unrealised is what remains, so nothing is counted twice or lost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.models import ExchangeAccount
from trading.models import BalanceSnapshot, Fill, Position
from trading.views.scope import day_start

ZERO = Decimal(0)
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Period:
    """One KPI: money in the account's quote currency, already rounded to cents; `share` a fraction of the start value.

    `base` is exact: value now - base = PnL, which is how the page goes on counting between two loads.
    """

    key: str
    label: str
    pnl: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    share: Decimal | None
    base: Decimal

    @property
    def fees_signed(self) -> Decimal:
        """Fees as the cost they are."""
        return -self.fees


def periods_read(account: ExchangeAccount, equity: Decimal | None, deposits: Decimal | None) -> list[Period]:
    """Today, 7 days, 30 days and total of one account; empty before its first snapshot."""
    if equity is None:
        return []
    begins = _begins()
    closed, fees = _closed(account), _fees(account)
    return [_period(account, key, label, begin, equity, deposits or ZERO, closed, fees) for key, label, begin in begins]


def _begins() -> list[tuple[str, str, datetime | None]]:
    today = day_start()
    week, month = today - timedelta(days=6), today - timedelta(days=29)
    return [("today", "Today", today), ("week", "7 days", week), ("month", "30 days", month), ("total", "Total", None)]


def _closed(account: ExchangeAccount) -> list[tuple[datetime, Decimal]]:
    rows = Position.objects.filter(account=account, status=Position.Status.CLOSED).values_list(
        "closed_at", "realised_pnl", "fees_quote"
    )
    return [(at, pnl + fees) for at, pnl, fees in rows if at is not None]


def _fees(account: ExchangeAccount) -> list[tuple[datetime, Decimal]]:
    rows = Fill.objects.filter(account=account).values_list(
        "executed_at", "fee", "fee_currency", "price", "instrument__base"
    )
    return [(at, fee * price if currency == base else fee) for at, fee, currency, price, base in rows]


def _since(rows: Iterable[tuple[datetime, Decimal]], begin: datetime | None) -> Decimal:
    return sum((value for at, value in rows if begin is None or at >= begin), ZERO)


def _period(
    account: ExchangeAccount,
    key: str,
    label: str,
    begin: datetime | None,
    equity: Decimal,
    deposits: Decimal,
    closed: list[tuple[datetime, Decimal]],
    fees: list[tuple[datetime, Decimal]],
) -> Period:
    base_equity, base_deposits = _value_at(account, begin)
    base = base_equity + deposits - base_deposits
    pnl = (equity - base).quantize(CENT)
    realised, paid = _since(closed, begin).quantize(CENT), _since(fees, begin).quantize(CENT)
    share = pnl / base_equity if base_equity else None
    return Period(key, label, pnl, realised, pnl - realised + paid, paid, share, base)


def _value_at(account: ExchangeAccount, begin: datetime | None) -> tuple[Decimal, Decimal]:
    rows: Any = BalanceSnapshot.objects.filter(account=account).values_list("equity", "net_deposits")
    if begin is not None and (found := rows.filter(at__lt=begin).order_by("-at", "-id").first()):
        return found
    _equity, deposits = rows.order_by("at", "id").first() or (ZERO, ZERO)
    return deposits, deposits  # the account is younger than the period: it began with what was paid in
