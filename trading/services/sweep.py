"""Finding work that nobody was woken for: after a kill, a lost broker, or simply because time passed."""

from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import Exists, F, OuterRef, Q

from accounts.clock import now
from accounts.models import ExchangeAccount
from accounts.processes import host_name, owner_gone
from signals.models import Signal
from trading.domain.orders import OPEN
from trading.domain.position import OPEN_STATES
from trading.models import AccountLease, CapacityHold, Intent, LedgerEntry, Order, Position
from trading.selectors.standing import account_problem
from trading.services.intents import intents_fan_out
from trading.services.outcomes import trades_unrecorded_record
from trading.services.reconciliation import UNCLEAR, check_want
from trading.services.request_keys import request_keys_tidy
from trading.services.wakes import account_wake_now
from trading.store.capacity import capacity_release
from trading.wiring import fills_here

CLAIM_STALE = timedelta(seconds=60)
ROTATION = timedelta(minutes=15)  # an account with something open is compared with its exchange so often
ROTATED_A_SWEEP = 2  # a check weighs some 60 of an exchange's 6,000 a minute, and a sweep comes every ten seconds
SIGNALS_WINDOW = (timedelta(seconds=150), timedelta(seconds=10))
LOOK_S = 60


def sweep_run() -> int:
    """Wake every account with something left to do; returns how many. Safe to run as often as one likes."""
    dead_leases_release()
    checks_rotate()
    signals_fan_out_missed()
    trades_unrecorded_record()
    capacity_tidy()
    request_keys_tidy()
    waiting = accounts_with_work()
    for account_id in sorted(waiting):
        account_wake_now(account_id)
    return len(waiting)


def accounts_with_work() -> set[int]:
    """Primary keys of accounts to wake; removed and paused accounts only finish what is open."""
    moment = now()
    found = set(_intents(moment)) | set(_orders(moment)) | set(_positions(moment)) | set(_resting()) | set(_unfunded())
    found |= set(_checks(moment))
    found |= set(_holders())
    gone = ExchangeAccount.objects.filter(pk__in=found, status=ExchangeAccount.Status.REMOVED)
    busy = AccountLease.objects.filter(account__in=found, expires_at__gt=moment).exclude(owner="")
    return found - set(gone.values_list("pk", flat=True)) - set(busy.values_list("account_id", flat=True))


def _intents(moment: datetime) -> list[int]:
    """Pending ones, and those claimed by a run that never came back (exits stay claimed while they work; a stop at the
    exchange does for hours, and is stored together with its order)."""
    stale = Q(status=Intent.Status.CLAIMED, claimed_at__lt=moment - CLAIM_STALE) & ~Q(purpose=Intent.Purpose.PROTECT)
    rows = Intent.objects.filter(Q(status=Intent.Status.PENDING) | stale)
    return list(rows.order_by().values_list("account_id", flat=True).distinct())


def _orders(moment: datetime) -> list[int]:
    """Unclear ones, and resting ones whose time is up or whose cancel was asked for."""
    active = Q(status=Order.Status.ACTIVE)
    late = active & (Q(expires_at__lte=moment) | Q(cancel_requested_at__isnull=False))
    rows = Order.objects.filter(Q(status__in=UNCLEAR) | late | (active & Q(type=Order.Type.MARKET)))
    return list(rows.order_by().values_list("account_id", flat=True).distinct())


def _resting() -> list[int]:
    """Accounts with orders resting at an exchange: their user stream may be down (how often to look is theirs).

    Stops rest for hours: whoever has only those comes round with what is held.
    """
    orders = Order.objects.filter(account=OuterRef("pk"), status="active").exclude(type=Order.Type.STOP)
    rows = ExchangeAccount.objects.filter(Exists(orders))
    return [row.pk for row in rows if not fills_here(row)]


def _checks(moment: datetime) -> list[int]:
    """Accounts that are to be compared with their exchange once more: their balances differed a moment ago."""
    rows = AccountLease.objects.filter(check_wanted_at__lte=moment, check_wanted_at__gt=F("account__last_checked_at"))
    return list(rows.exclude(unconfirmed={}).values_list("account_id", flat=True))


def _unfunded() -> list[int]:
    """Accounts that may trade and whose ledger has not begun: a paper balance to post, or balances to read once."""
    begun = LedgerEntry.objects.filter(account=OuterRef("pk"))
    rows = ExchangeAccount.objects.filter(~Exists(begun), status=ExchangeAccount.Status.ACTIVE, last_checked_at=None)
    return [row.pk for row in rows if not account_problem(row)]


def _positions(moment: datetime) -> list[int]:
    """Held too long, or with an exit that waits for its next try."""
    held = Q(status=Position.Status.OPEN, hold_until__lte=moment)
    waits = Q(status__in=[Position.Status.OPEN, Position.Status.CLOSING], exit_intent_id__isnull=False) & (
        Q(retry_at__isnull=True) | Q(retry_at__lte=moment)
    )
    return list(Position.objects.filter(held | waits).order_by().values_list("account_id", flat=True).distinct())


def checks_rotate() -> int:
    """Have the accounts compared with their exchange whose last time is longest ago, a few a sweep; returns how many.

    Only those with something open: nobody asks about an account with nothing to lose sight of.
    """
    moment = now()
    busy = Q(Exists(Order.objects.filter(account=OuterRef("pk"), status__in=OPEN))) | Q(
        Exists(Position.objects.filter(account=OuterRef("pk"), status__in=OPEN_STATES))
    )
    rows = ExchangeAccount.objects.filter(busy, last_checked_at__lt=moment - ROTATION)
    rows = rows.exclude(lease__check_wanted_at__gt=moment - ROTATION).order_by("last_checked_at")
    late = list(rows.values_list("pk", flat=True)[:ROTATED_A_SWEEP])
    for account_id in late:
        check_want(account_id, "in turn")
        account_wake_now(account_id)
    return len(late)


def _holders() -> list[int]:
    """Accounts that hold something, once a minute each: for a new day, and for prices that stopped coming."""
    held = Position.objects.filter(status__in=[Position.Status.OPENING, Position.Status.OPEN, Position.Status.CLOSING])
    keys = held.order_by().values_list("account_id", flat=True).distinct()
    return [key for key in keys if cache.add(f"trading:look:{key}", 1, timeout=LOOK_S)]


def capacity_tidy() -> int:
    """Give back what intents hold of a pair that ended without saying so (a killed run); returns how many."""
    old = CapacityHold.objects.filter(at__lt=now() - CLAIM_STALE)
    waiting = Intent.objects.filter(public_id=OuterRef("intent_id"), status__in=["pending", "claimed"])
    held = Position.objects.filter(entry_intent_id=OuterRef("intent_id"), status__in=["opening", "open", "closing"])
    ended = old.filter(~Exists(waiting), ~Exists(held)).values_list("intent_id", flat=True)
    return capacity_release(list(ended[:1000]))


def signals_fan_out_missed() -> int:
    """Fan out recent signals again: a killed worker may have stored them without telling anybody (repeats are free)."""
    moment = now()
    oldest, newest = SIGNALS_WINDOW
    rows = Signal.objects.filter(created_at__gt=moment - oldest, created_at__lte=moment - newest, intents__isnull=True)
    ids = list(rows.order_by().values_list("pk", flat=True)[:5000])
    return intents_fan_out(signal_ids=ids) if ids else 0


def dead_leases_release() -> int:
    """Give back leases whose process on this machine is gone; returns how many. Others run out by themselves."""
    freed = 0
    for row in AccountLease.objects.filter(owner__startswith=f"{host_name()}:", expires_at__gt=now()):
        if owner_gone(row.owner):
            rows = AccountLease.objects.filter(pk=row.pk, owner=row.owner, token=row.token)
            freed += rows.update(owner="", expires_at=None)
    return freed
