"""PnL of an account per period (UTC days), in parts that add up: realised + unrealised - fees = PnL.

PnL is the change of the account's value with deposits taken out. Realised is the price result of the trades that closed
in the period, fees are those trades' fees and what open positions have paid so far, and unrealised is what remains:
nothing is counted twice or lost. Closed days come from the daily statistics, only today's trades and open positions
are read one by one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.models import ExchangeAccount
from trading.domain.money import exact
from trading.models import BalanceSnapshot, Position, TradingStats
from trading.selectors.accounts import day_start
from trading.selectors.positions import OPEN

ZERO = Decimal(0)
CENT = Decimal("0.01")
LENGTHS: tuple[tuple[str, str, int | None], ...] = (
    ("today", "Today", 1),
    ("week", "7 days", 7),
    ("month", "30 days", 30),
    ("total", "Total", None),
)


@dataclass(frozen=True, slots=True)
class Period:
    """One KPI: money in the account's quote currency, already rounded to cents; `share` a fraction of the start value.

    `base` is exact: value now - base = PnL, which is how the page goes on counting between two loads; it contains the
    net deposits until now (`deposits`). `start` is the value that the period began with.
    """

    key: str
    label: str
    pnl: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    share: Decimal | None
    base: Decimal
    start: Decimal
    deposits: Decimal

    @property
    def fees_signed(self) -> Decimal:
        """Fees as the cost they are."""
        return -self.fees


@dataclass(frozen=True, slots=True)
class Day:
    """What one UTC day brought: net result and fees in quote currency."""

    day: date
    net: Decimal
    fees: Decimal


@exact
def periods_read(account: ExchangeAccount, equity: Decimal | None, deposits: Decimal | None) -> list[Period]:
    """Today, 7 days, 30 days and total of one account; empty before its first snapshot. Seven queries."""
    if equity is None:
        return []
    today = day_start()
    days = _days(account, today)
    value = equity, deposits or ZERO
    return [_period(account, key, label, _begin(today, length), value, days) for key, label, length in LENGTHS]


def _begin(today: datetime, days: int | None) -> datetime | None:
    return None if days is None else today - timedelta(days=days - 1)


def _days(account: ExchangeAccount, today: datetime) -> list[Day]:
    """Closed days from the statistics (one row a bot and day), today from its trades and what is open."""
    stats = TradingStats.objects.filter(bot__account=account, day__lt=today.date())
    closed = Position.objects.filter(account=account, status=Position.Status.CLOSED, closed_at__gte=today)
    found = [Day(*row) for row in stats.values_list("day", "realised_pnl", "fees_quote")]
    found += [Day(today.date(), *row) for row in closed.values_list("realised_pnl", "fees_quote")]
    held = Position.objects.filter(account=account, status__in=OPEN).values_list("fees_quote", flat=True)
    return found + [Day(today.date(), -fees, fees) for fees in held]


def _period(
    account: ExchangeAccount,
    key: str,
    label: str,
    begin: datetime | None,
    value: tuple[Decimal, Decimal],
    days: Iterable[Day],
) -> Period:
    base_equity, base_deposits = _value_at(account, begin)
    equity, deposits = value
    base = base_equity + deposits - base_deposits
    rows = [row for row in days if begin is None or row.day >= begin.date()]
    pnl = (equity - base).quantize(CENT)
    fees = sum((row.fees for row in rows), ZERO).quantize(CENT)
    realised = sum((row.net for row in rows), ZERO).quantize(CENT) + fees
    share = pnl / base_equity if base_equity else None
    return Period(key, label, pnl, realised, pnl - realised + fees, fees, share, base, base_equity, deposits)


def _value_at(account: ExchangeAccount, begin: datetime | None) -> tuple[Decimal, Decimal]:
    rows: Any = BalanceSnapshot.objects.filter(account=account).values_list("equity", "net_deposits")
    if begin is not None and (found := rows.filter(at__lt=begin).order_by("-at", "-id").first()):
        return found
    _equity, deposits = rows.order_by("at", "id").first() or (ZERO, ZERO)
    return deposits, deposits  # the account is younger than the period: it began with what was paid in
