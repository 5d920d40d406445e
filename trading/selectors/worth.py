"""What accounts are worth now, what was paid in so far, and the time-weighted return, from the snapshot before on.

Deposits and withdrawals count at their value when they came and went; what happens to it afterwards is profit or loss.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import BigIntegerField, Exists, F, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce

from accounts.models import ExchangeAccount
from trading.domain.deposit.returns import flow_value, growth_next
from trading.domain.deposit.valuation import Valuation
from trading.domain.money import exact
from trading.domain.orders import OPEN
from trading.models import Balance, BalanceSnapshot, LedgerEntry, Order
from trading.selectors.deposit import Market

ZERO = Decimal(0)
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
    before: BalanceSnapshot | None = None  # the last one stored

    @property
    def equity(self) -> Decimal:
        """Cash and all priced tokens."""
        return self.valuation.equity


def flow_waits() -> Exists:
    """Whether an account (a row with `pk`) has a deposit or withdrawal that no snapshot counts yet: until one does, in
    seconds, its balances say something that its net deposits do not."""
    counted = BalanceSnapshot.objects.filter(account=OuterRef(OuterRef("pk")), ledger_seen__isnull=False)
    newest = Subquery(counted.order_by("-at", "-id").values("ledger_seen")[:1])
    flows = LedgerEntry.objects.filter(account=OuterRef("pk"), kind__in=FLOWS)
    return Exists(flows.filter(pk__gt=Coalesce(newest, Value(0, BigIntegerField()))))


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
    return Worth(found, found.cash - locked.get(found.currency, ZERO), deposits, growth, books.seen, before)


@exact
def free_for(order: Order) -> Decimal:
    """Quote currency that an order in the place of this open buy could spend: what is free, and what it reserves."""
    quote, account = order.instrument.quote, order.account_id
    held = Balance.objects.filter(account=account, currency=quote).values_list("total", flat=True).first() or ZERO
    own = (order.amount - order.filled) * (order.price or order.reference_price)
    return max(held - _locked([account])[account][quote] + own, ZERO)


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
    rows = Order.objects.filter(account__in=account_ids, status__in=OPEN).select_related("instrument")
    for row in rows:
        if row.side == "sell":
            found[row.account_id][row.instrument.base] += row.amount - row.filled
        else:
            price = row.price or row.reference_price
            found[row.account_id][row.instrument.quote] += (row.amount - row.filled) * price
    return found
