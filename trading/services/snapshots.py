"""What accounts are worth: computed from the ledger's balances and the market's bids, in exact decimals."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from django.core.cache import cache
from django.db.models import Exists, Max, OuterRef, Q

from accounts.clock import now
from accounts.models import ExchangeAccount
from signals.models import Instrument
from signals.quotes import QuoteRow, latest_all
from trading import live
from trading.domain.money import exact
from trading.models import Balance, BalanceSnapshot, LedgerEntry, Order, Position

ZERO = Decimal(0)
SOONEST = 10  # seconds between two snapshots of an account that changes all the time
OPEN_POSITION = (Position.Status.OPENING, Position.Status.OPEN, Position.Status.CLOSING)
OPEN_ORDER = (Order.Status.PENDING, Order.Status.UNKNOWN, Order.Status.ACTIVE)
Quotes = Mapping[str, QuoteRow]


@dataclass(frozen=True, slots=True)
class Worth:
    """An account's value in its quote currency. `equity` = cash + `in_positions`; `free` is cash not reserved."""

    equity: Decimal
    free: Decimal
    in_positions: Decimal
    net_deposits: Decimal
    unpriced: list[str] = field(default_factory=list)


@exact
def worth_compute(
    *,
    quote_currency: str,
    balances: Mapping[str, Decimal],
    reserved: Decimal,
    deposits: Mapping[str, Decimal],
    quotes: Quotes,
) -> Worth:
    """Value of balances and deposits at today's bids.

    A coin deposited by hand is a deposit at its value of now, so that its price moves are nobody's trading result.
    Coins without a quote are listed in `unpriced` and left out of all sums.
    """
    priced, unpriced = _values(quote_currency, balances, quotes)
    paid_in, _unknown = _values(quote_currency, deposits, quotes)
    cash = priced.pop(quote_currency, ZERO)
    in_positions = sum(priced.values(), ZERO)
    net = sum(paid_in.values(), ZERO)
    return Worth(cash + in_positions, cash - reserved, in_positions, net, unpriced)


def _values(currency: str, amounts: Mapping[str, Decimal], quotes: Quotes) -> tuple[dict[str, Decimal], list[str]]:
    values, unpriced = {}, []
    for name, amount in amounts.items():
        if name == currency:
            values[name] = amount
        elif quote := quotes.get(f"{name}/{currency}"):
            values[name] = amount * quote.bid
        elif amount:
            unpriced.append(name)
    return values, sorted(unpriced)


def worth_of(accounts: Iterable[ExchangeAccount]) -> dict[int, Worth]:
    """Value per account primary key now, with three queries for all of them."""
    rows = list(accounts)
    keys = [row.pk for row in rows]
    balances: dict[int, dict[str, Decimal]] = defaultdict(dict)
    for account_id, currency, total in Balance.objects.filter(account__in=keys).values_list(
        "account_id", "currency", "total"
    ):
        balances[account_id][currency] = total
    reserved, deposits = _reserved(keys), _deposits(keys)
    quotes = {exchange: latest_all(exchange) for exchange in {row.exchange for row in rows}}
    return {
        row.pk: worth_compute(
            quote_currency=row.quote_currency,
            balances=balances[row.pk],
            reserved=reserved[row.pk],
            deposits=deposits[row.pk],
            quotes=quotes[row.exchange],
        )
        for row in rows
    }


@exact
def _reserved(account_ids: list[int]) -> dict[int, Decimal]:
    found: dict[int, Decimal] = defaultdict(Decimal)
    buys = Order.objects.filter(account__in=account_ids, side="buy", status__in=OPEN_ORDER)
    for row in buys.only("account_id", "amount", "filled", "price", "reference_price"):
        found[row.account_id] += (row.amount - row.filled) * (row.price or row.reference_price)
    return found


@exact
def _deposits(account_ids: list[int]) -> dict[int, dict[str, Decimal]]:
    found: dict[int, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    kinds = [LedgerEntry.Kind.DEPOSIT, LedgerEntry.Kind.WITHDRAWAL]
    for account_id, currency, amount in LedgerEntry.objects.filter(account__in=account_ids, kind__in=kinds).values_list(
        "account_id", "currency", "amount"
    ):
        found[account_id][currency] += amount
    return found


def snapshots_store(*, accounts: Iterable[ExchangeAccount]) -> list[BalanceSnapshot]:
    """A snapshot of each account now, pushed to its owner's pages.

    An account is left out while a coin that its exchange trades has no quote yet (the streams are starting): its value
    would be a loss that never was, kept in the equity curve for good.
    """
    worths = worth_of(rows := list(accounts))
    waiting = _waiting(rows, worths)
    rows = [row for row in rows if row.pk not in waiting]
    moment = now()
    made = [
        BalanceSnapshot(
            account=row,
            at=moment,
            equity=worths[row.pk].equity,
            free=worths[row.pk].free,
            in_positions=worths[row.pk].in_positions,
            net_deposits=worths[row.pk].net_deposits,
            unpriced=worths[row.pk].unpriced,
        )
        for row in rows
    ]
    BalanceSnapshot.objects.bulk_create(made)
    for row in made:
        _push(row)
    return made


def _waiting(accounts: Iterable[ExchangeAccount], worths: Mapping[int, Worth]) -> set[int]:
    """Primary keys of accounts with an unpriced coin that could be priced; asks nothing when all are priced."""
    missing = [
        (row.pk, (row.exchange, f"{coin}/{row.quote_currency}")) for row in accounts for coin in worths[row.pk].unpriced
    ]
    if not missing:
        return set()
    traded = Instrument.objects.filter(selected=True, active=True, symbol__in={symbol for _, (_, symbol) in missing})
    listed = set(traded.values_list("exchange", "symbol"))
    return {pk for pk, market in missing if market in listed}


def snapshots_on_change(*, account_ids: Iterable[int]) -> list[BalanceSnapshot]:
    """Snapshots because something was booked; at most one an account in ten seconds (the minute's round takes the
    rest)."""
    wanted = [pk for pk in account_ids if cache.add(f"trading:snapshot:{pk}", 1, timeout=SOONEST)]
    return snapshots_store(accounts=ExchangeAccount.objects.filter(pk__in=wanted)) if wanted else []


def snapshots_take_due() -> int:
    """Snapshots of accounts that hold or order something, or changed since their last one. Returns how many."""
    holds = Position.objects.filter(account=OuterRef("pk"), status__in=OPEN_POSITION)
    newest = BalanceSnapshot.objects.order_by().values("account").annotate(newest=Max("at"))
    last = dict(newest.values_list("account", "newest"))
    changed = dict(
        Balance.objects.order_by().values("account").annotate(at=Max("updated_at")).values_list("account", "at")
    )
    behind = [pk for pk, at in changed.items() if pk not in last or at > last[pk]]
    wanted = ExchangeAccount.objects.exclude(status=ExchangeAccount.Status.REMOVED)
    due = list(wanted.filter(Q(pk__in=behind) | Exists(holds)))
    fresh = now() - timedelta(seconds=SOONEST)
    return len(snapshots_store(accounts=[row for row in due if row.pk not in last or last[row.pk] <= fresh]))


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
