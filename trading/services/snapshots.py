"""Points of an account's value over time, each with its tokens, what was paid in so far, and its time-weighted return.

Deposits and withdrawals count at their value when they came and went; what happens to it afterwards is profit or loss.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db.models import BigIntegerField, Exists, F, Max, OuterRef, Q, Subquery, Value
from django.db.models.functions import TruncHour

from accounts.clock import now
from accounts.fields import decimal_text
from accounts.models import ExchangeAccount
from trading import live
from trading.domain.deposit.returns import flow_value, growth_next
from trading.domain.deposit.valuation import Line, Valuation
from trading.domain.money import exact
from trading.models import Balance, BalanceSnapshot, LedgerEntry, Order, Position
from trading.selectors.deposit import Market

ZERO = Decimal(0)
SOONEST = 10  # seconds between two snapshots of an account that changes all the time
PATIENCE = timedelta(minutes=10)  # a token without quotes, while others have some, is then listed as unpriced
EVERY_ONE = timedelta(days=2)  # older ones are thinned to the last of each hour
OPEN_POSITION = (Position.Status.OPENING, Position.Status.OPEN, Position.Status.CLOSING)
OPEN_ORDER = (Order.Status.PENDING, Order.Status.UNKNOWN, Order.Status.ACTIVE)
FLOWS = (LedgerEntry.Kind.DEPOSIT, LedgerEntry.Kind.WITHDRAWAL)


@dataclass(slots=True)
class Books:
    """An account's ledger: balances, and what was paid in and out since the snapshot before."""

    amounts: dict[str, Decimal] = field(default_factory=dict)
    moved: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    seen: int = 0  # the newest movement's primary key


@dataclass(frozen=True, slots=True)
class Worth:
    """An account's value now in its quote currency; `free` is cash that open orders do not reserve."""

    valuation: Valuation
    free: Decimal
    net_deposits: Decimal
    growth: Decimal
    ledger_seen: int

    @property
    def equity(self) -> Decimal:
        """Cash and all priced tokens."""
        return self.valuation.equity


def worth_of(accounts: Iterable[ExchangeAccount], market: Market | None = None) -> dict[int, Worth]:
    """Value per account primary key now, with three queries for all of them."""
    rows, market = list(accounts), market or Market()
    before = _newest([row.pk for row in rows])
    books, locked = _books(rows, before), _locked([row.pk for row in rows])
    return {
        row.pk: _worth(
            market.value(row, books[row.pk].amounts, locked[row.pk]),
            books[row.pk],
            locked[row.pk],
            before.get(row.pk),
        )
        for row in rows
    }


@exact
def _worth(found: Valuation, books: Books, locked: dict[str, Decimal], before: BalanceSnapshot | None) -> Worth:
    known = None if before is None else {line["currency"]: _decimal(line["value"]) for line in before.lines}
    held = {line.currency: line.value for line in found.lines}
    prices = {line.currency: line.price for line in found.lines if line.price is not None}
    flow = flow_value(books.moved, known, held, {found.currency: Decimal(1), **prices})
    growth, deposits = Decimal(1), flow
    if before is not None:
        growth = growth_next(before.growth, before.equity, found.equity, flow)
        deposits = before.net_deposits + flow
    return Worth(found, found.cash - locked.get(found.currency, ZERO), deposits, growth, books.seen)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _newest(keys: list[int]) -> dict[int, BalanceSnapshot]:
    """The last snapshot of each account that says how far its ledger was read."""
    rows = BalanceSnapshot.objects.filter(account=OuterRef("pk"), ledger_seen__isnull=False).order_by("-at", "-id")
    newest = ExchangeAccount.objects.filter(pk__in=keys).annotate(newest=Subquery(rows.values("pk")[:1]))
    found = BalanceSnapshot.objects.filter(pk__in=newest.values("newest"))
    return {row.account_id: row for row in found}


def _books(accounts: list[ExchangeAccount], before: dict[int, BalanceSnapshot]) -> dict[int, Books]:
    """Balances and new movements in one statement: a deposit between two would be a profit that never was."""
    keys = [row.pk for row in accounts]
    seen = {pk: (before[pk].ledger_seen or 0) if pk in before else 0 for pk in keys}
    movements = LedgerEntry.objects.filter(account__in=keys, kind__in=FLOWS, pk__gt=min(seen.values(), default=0))
    balances = Balance.objects.filter(account__in=keys).order_by()
    rows = balances.values_list("account_id", "currency", "total", Value(0, BigIntegerField())).union(
        movements.order_by().values_list("account_id", "currency", "amount", F("pk")), all=True
    )
    found = {pk: Books(seen=seen[pk]) for pk in keys}
    for pk, currency, amount, number in rows:
        if not number:
            found[pk].amounts[currency] = amount
        elif number > seen[pk]:
            found[pk].moved[currency] += amount
            found[pk].seen = max(found[pk].seen, number)
    return found


@exact
def _locked(account_ids: list[int]) -> dict[int, dict[str, Decimal]]:
    """What open orders reserve: quote currency for buys, base currency for sells."""
    found: dict[int, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    rows = Order.objects.filter(account__in=account_ids, status__in=OPEN_ORDER).select_related("instrument")
    for row in rows:
        if row.side == "sell":
            found[row.account_id][row.instrument.base] += row.amount - row.filled
        else:
            price = row.price or row.reference_price
            found[row.account_id][row.instrument.quote] += (row.amount - row.filled) * price
    return found


def snapshots_store(*, accounts: Iterable[ExchangeAccount]) -> list[BalanceSnapshot]:
    """A snapshot of each account now, pushed to its owner's pages.

    An account is left out while a token that could be priced has no quote (the streams are starting, the exchange does
    not answer): its value would be a loss that never was, kept for good. The last known one stays, with its age.
    """
    rows, market = list(accounts), Market()
    worths = worth_of(rows, market)
    made = [_snapshot(row, worths[row.pk], market) for row in rows if not _waits(row, worths[row.pk], market)]
    BalanceSnapshot.objects.bulk_create(made)
    for row in made:
        _push(row)
    return made


def _snapshot(account: ExchangeAccount, worth: Worth, market: Market) -> BalanceSnapshot:
    return BalanceSnapshot(
        account=account,
        at=market.at,
        equity=worth.equity,
        free=worth.free,
        in_positions=worth.valuation.in_coins,
        net_deposits=worth.net_deposits,
        unpriced=worth.valuation.unpriced,
        lines=[line_stored(line) for line in worth.valuation.lines],
        growth=worth.growth,
        ledger_seen=worth.ledger_seen,
    )


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


def _waits(account: ExchangeAccount, worth: Worth, market: Market) -> bool:
    """Whether to wait for a quote; not for ever while the exchange delivers others."""
    key = f"trading:deposit_waits:{account.pk}"
    if not worth.valuation.waits:
        if worth.valuation.in_coins:
            cache.delete(key)
        return False
    if not market.delivers(account.exchange):
        cache.delete(key)
        return True
    since = cache.get_or_set(key, market.at, timeout=3600) or market.at
    return bool(market.at - since < PATIENCE)


def snapshots_on_change(*, account_ids: Iterable[int]) -> list[BalanceSnapshot]:
    """Snapshots because something was booked; at most one an account in ten seconds (the minute's round takes the
    rest)."""
    wanted = [pk for pk in account_ids if cache.add(f"trading:snapshot:{pk}", 1, timeout=SOONEST)]
    return snapshots_store(accounts=ExchangeAccount.objects.filter(pk__in=wanted)) if wanted else []


def snapshots_take_due() -> int:
    """Snapshots of accounts that hold or order something, changed since their last one, or hold coins and had none
    for an hour. Returns how many."""
    holds = Position.objects.filter(account=OuterRef("pk"), status__in=OPEN_POSITION)
    newest = BalanceSnapshot.objects.order_by().values("account").annotate(newest=Max("at"))
    last = dict(newest.values_list("account", "newest"))
    changed = dict(
        Balance.objects.order_by().values("account").annotate(at=Max("updated_at")).values_list("account", "at")
    )
    moment = now()
    hour_ago, fresh = moment - timedelta(hours=1), moment - timedelta(seconds=SOONEST)
    behind = [pk for pk, at in changed.items() if pk not in last or at > last[pk] or last[pk] <= hour_ago]
    wanted = ExchangeAccount.objects.exclude(status=ExchangeAccount.Status.REMOVED)
    due = list(wanted.filter(Q(pk__in=behind) | Exists(holds)))
    return len(snapshots_store(accounts=[row for row in due if row.pk not in last or last[row.pk] <= fresh]))


def snapshots_thin() -> int:
    """Of snapshots older than two days, only the last one of each hour is kept. Returns how many went.

    Returns and deposits are carried along from one to the next, so nothing is lost but detail.
    """
    old = BalanceSnapshot.objects.filter(at__lt=now() - EVERY_ONE).order_by()
    kept = old.annotate(hour=TruncHour("at")).values("account", "hour").annotate(last=Max("pk")).values("last")
    return int(old.exclude(pk__in=kept).delete()[0])


def _push(row: BalanceSnapshot) -> None:
    payload: live.SnapshotPayload = {
        "account": str(row.account.public_id),
        "equity": live.plain(row.equity),
        "free": live.plain(row.free),
        "in_positions": live.plain(row.in_positions),
        "net_deposits": live.plain(row.net_deposits),
        "at": row.at.isoformat(),
    }
    live.push(row.account.user_id, live.Kind.SNAPSHOT, payload)
