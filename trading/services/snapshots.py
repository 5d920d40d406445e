"""Points of an account's value over time, each with its tokens, what was paid in so far, and its return."""

from collections.abc import Iterable
from datetime import timedelta

from django.core.cache import cache
from django.db.models import Exists, Max, OuterRef, Q
from django.db.models.functions import TruncHour

from accounts.clock import now
from accounts.models import ExchangeAccount
from trading import live
from trading.domain.position import OPEN_STATES
from trading.models import Balance, BalanceSnapshot, Position
from trading.selectors.deposit import Market, line_stored
from trading.selectors.worth import Worth, worth_of

SOONEST = 10  # seconds between two snapshots of an account that changes all the time
PATIENCE = timedelta(minutes=10)  # a token without quotes, while others have some, is then listed as unpriced
EVERY_ONE = timedelta(days=2)  # older ones are thinned to the last of each hour


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
    holds = Position.objects.filter(account=OuterRef("pk"), status__in=OPEN_STATES)
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
