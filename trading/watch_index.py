"""What the watcher knows without asking the database: levels, open orders, and what is held, per symbol."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db.models import OuterRef, Subquery

from accounts.models import ExchangeAccount
from signals.quotes import QuoteRow
from trading.models import AccountLease, Balance, BalanceSnapshot, Intent, Order, Position
from trading.selectors.worth import flow_waits
from trading.wiring import fills_here

ZERO = Decimal(0)
Market = tuple[str, str]  # (exchange, symbol)


@dataclass(frozen=True, slots=True)
class Level:
    """A bid outside of [low, high], or an ask at or below `ask`, wakes the account. None: not watched."""

    account_id: int
    low: Decimal | None = None
    high: Decimal | None = None
    ask: Decimal | None = None
    any_quote: bool = False

    def touched(self, quote: QuoteRow) -> bool:
        """Whether this quote could change something for the account."""
        return (
            self.any_quote
            or (self.low is not None and quote.bid <= self.low)
            or (self.high is not None and quote.bid >= self.high)
            or (self.ask is not None and quote.ask <= self.ask)
        )


@dataclass(frozen=True, slots=True)
class Held:
    """One open position: what it needs to be valued at any bid."""

    public_id: str
    market: Market
    amount: Decimal
    cost: Decimal
    bot: str
    result: Decimal  # proceeds - cost - fees paid in cash; with amount * bid it is the PnL


@dataclass(slots=True)
class Owned:
    """An account with open positions."""

    account_id: int
    public_id: str
    user_id: int
    exchange: str
    quote_currency: str
    held: list[Held] = field(default_factory=list)
    balances: dict[str, Decimal] = field(default_factory=dict)
    result_at_midnight: Decimal | None = None  # equity - net deposits of the last snapshot before this UTC day
    net_deposits: Decimal | None = None  # of the newest snapshot
    flow_waits: bool = False  # a deposit is in the balances and not yet in `net_deposits`
    floors: dict[str, Decimal] = field(default_factory=dict)  # by bot; empty: all (see `domain.floors`)

    def fallen(self, values: Mapping[str, Decimal]) -> bool:
        """Whether open positions are worth so little that a rule on losses would say something.

        `values` is what each holds at the bid, by public id; nothing is said while one of them has no price.
        """
        return any(self._below(bot, floor, values) for bot, floor in self.floors.items())

    def _below(self, bot: str, floor: Decimal, values: Mapping[str, Decimal]) -> bool:
        rows = [held for held in self.held if bot in ("", held.bot)]
        if not rows or any(held.public_id not in values for held in rows):
            return False
        return sum((held.result + values[held.public_id] for held in rows), ZERO) <= floor


@dataclass(slots=True)
class Index:
    """A snapshot of what is watched; replaced as a whole."""

    levels: dict[Market, list[Level]] = field(default_factory=lambda: defaultdict(list))
    accounts: dict[int, Owned] = field(default_factory=dict)
    day: datetime | None = None


def index_load(*, midnight: datetime, before: Index | None = None) -> Index:
    """Read what is open now: five queries, and two more for each account that is new since the index `before`."""
    index = Index(day=midnight)
    _positions_add(index)
    _orders_add(index)
    _balances_add(index, before)
    _floors_add(index)
    return index


def _floors_add(index: Index) -> None:
    rows = AccountLease.objects.filter(account__in=list(index.accounts)).exclude(floors={})
    for account_id, floors in rows.values_list("account_id", "floors"):
        index.accounts[account_id].floors = {bot: Decimal(floor) for bot, floor in floors.items()}


def _positions_add(index: Index) -> None:
    wanted = [Position.Status.OPENING, Position.Status.OPEN, Position.Status.CLOSING]
    for row in Position.objects.filter(status__in=wanted).select_related("account", "instrument", "bot"):
        market = (row.account.exchange, row.instrument.symbol)
        if row.status == Position.Status.OPEN and row.exit_intent_id is None:
            above = [price for price in (row.target_price, row.raise_price, row.step_price) if price is not None]
            high = min(above, default=None)
            index.levels[market].append(Level(row.account_id, low=row.stop_price, high=high, ask=row.add_price))
        elif row.close_reason == Intent.Purpose.TAKE_PROFIT:  # as maker, maybe: a fall to the stop ends its wait
            index.levels[market].append(Level(row.account_id, low=row.stop_price))
        if row.amount > 0:
            result = row.cash_part
            held = Held(str(row.public_id), market, row.amount, row.buy_cost, str(row.bot.public_id), result)
            _owned(index, row).held.append(held)


def _owned(index: Index, row: Position) -> Owned:
    account = row.account
    if account.pk not in index.accounts:
        index.accounts[account.pk] = Owned(
            account.pk, str(account.public_id), account.user_id, account.exchange, account.quote_currency
        )
    return index.accounts[account.pk]


def _orders_add(index: Index) -> None:
    """Open orders that our own broker fills from quotes; those at an exchange are its own business."""
    rows = Order.objects.filter(status__in=[Order.Status.PENDING, Order.Status.UNKNOWN, Order.Status.ACTIVE])
    for row in rows.select_related("account", "instrument"):
        if not fills_here(row.account):
            continue
        market = (row.account.exchange, row.instrument.symbol)
        if row.price is None or row.status != Order.Status.ACTIVE:
            index.levels[market].append(Level(row.account_id, any_quote=True))
        elif row.side == "buy":
            index.levels[market].append(Level(row.account_id, ask=row.price))
        else:
            index.levels[market].append(Level(row.account_id, high=row.price))


def _balances_add(index: Index, before: Index | None) -> None:
    keys = list(index.accounts)
    for account_id, currency, total in Balance.objects.filter(account__in=keys).values_list(
        "account_id", "currency", "total"
    ):
        index.accounts[account_id].balances[currency] = total
    known = before.accounts if before is not None and before.day == index.day else {}
    newest = BalanceSnapshot.objects.filter(account=OuterRef("pk")).order_by("-at", "-id").values("net_deposits")[:1]
    rows = ExchangeAccount.objects.filter(pk__in=keys)
    for account_id, deposits, waits in rows.values_list("pk", Subquery(newest), flow_waits()):
        owned = index.accounts[account_id]
        owned.net_deposits, owned.flow_waits = deposits, waits
        if account_id in known and known[account_id].result_at_midnight is not None:
            owned.result_at_midnight = known[account_id].result_at_midnight
        else:
            _baseline_read(owned, index.day)


def _baseline_read(owned: Owned, midnight: datetime | None) -> None:
    """Today's result is measured from the last snapshot before midnight (the first one for a newer account)."""
    rows = BalanceSnapshot.objects.filter(account=owned.account_id).values_list("equity", "net_deposits")
    start = rows.filter(at__lt=midnight).order_by("-at", "-id").first() or rows.order_by("at", "id").first()
    if start:
        owned.result_at_midnight = start[0] - start[1]
