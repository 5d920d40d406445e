"""What an account at an exchange really has: catching up with its orders, and checking it before it trades.

Balances are asked only here, and only for an account with something to do (or one that was never funded in our ledger,
which belongs to its verification).
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db.models import Q

from accounts.clock import now
from accounts.exchanges.loop import run
from accounts.models import ExchangeAccount
from accounts.services.notices import notice_send
from trading.domain.types import CashMoved, Event
from trading.models import Balance, Fill, Intent, LedgerEntry, Order, Position
from trading.store.load import order_state

logger = logging.getLogger(__name__)
OPEN_ORDER = (Order.Status.PENDING, Order.Status.UNKNOWN, Order.Status.ACTIVE)
UNCLEAR = (Order.Status.PENDING, Order.Status.UNKNOWN)
LATE = timedelta(minutes=15)  # fills of orders that closed this recently may still be missing
QUIET_S = 10  # an open order is looked at again without a bell
QUIET_STREAMED_S = 60  # the same while the account's user stream is up
_checked: set[int] = set()


def bell_ring(account_id: int) -> None:
    """Something happened at the exchange: the account's next turn must look at its orders."""
    cache.set(f"trading:bell:{account_id}", 1, timeout=600)


def stream_alive(account_id: int) -> None:
    """The account's user stream delivers: look at quiet orders less often."""
    cache.set(f"trading:stream:{account_id}", 1, timeout=90)


def stream_lost(account_id: int) -> None:
    """The account's user stream broke: its orders are looked at every few seconds again."""
    cache.delete(f"trading:stream:{account_id}")


def check_forget(account_id: int) -> None:
    """Have the account checked again before it next trades (a gap in its stream, a discrepancy, a request)."""
    _checked.discard(account_id)


def orders_catch_up(*, account: ExchangeAccount) -> list[Event]:
    """What the exchange says of the account's resting orders, when a bell rang or none did for a while.

    Orders whose answer is unclear are left to the run itself, which looks them up first.
    """
    rows = _orders(account, [Order.Status.ACTIVE])
    if not rows or not _look_due(account.pk):
        return []
    return _looked(account, rows)


def _look_due(account_id: int) -> bool:
    rung = cache.delete(f"trading:bell:{account_id}")
    streamed = cache.get(f"trading:stream:{account_id}")
    fresh = cache.add(f"trading:looked:{account_id}", 1, timeout=QUIET_STREAMED_S if streamed else QUIET_S)
    return bool(rung) or fresh


def _orders(account: ExchangeAccount, statuses: Iterable[str]) -> list[Order]:
    rows = Order.objects.filter(account=account, status__in=list(statuses)).order_by("id")
    return list(rows.select_related("intent", "bot", "instrument", "position"))


def _looked(account: ExchangeAccount, rows: list[Order]) -> list[Event]:
    from trading.brokers.live import LiveBroker

    broker = LiveBroker(account)
    events: list[Event] = []
    for row in rows:
        events += broker.look(order_state(row))
    return events


def account_check_due(*, account: ExchangeAccount) -> tuple[list[Event], dict[str, Decimal] | None]:
    """Check an account once after the start of this process, before it first trades.

    Returns (events to hand to execution, balances at the exchange or None when no check was due). Raises ExchangeError
    when the exchange cannot be asked: then nothing is traded.
    """
    unfunded = not LedgerEntry.objects.filter(account=account).exists()
    if account.pk in _checked or not (unfunded or _in_play(account)):
        return [], None
    from trading.brokers import live_calls as calls

    events = _looked(account, _orders(account, [Order.Status.ACTIVE])) + _late_fills(account)
    totals = run(calls.balances_read(account), timeout_s=settings.XRAY_EXCHANGE_TIMEOUT_S * 4)
    if unfunded and not _orders(account, OPEN_ORDER):
        events += [CashMoved(now(), name, total, f"start:{name}") for name, total in sorted(totals.items())]
    return events, totals


def _in_play(account: ExchangeAccount) -> bool:
    waiting = Intent.objects.filter(account=account, status__in=[Intent.Status.PENDING, Intent.Status.CLAIMED])
    held = [Position.Status.OPENING, Position.Status.OPEN, Position.Status.CLOSING]
    return (
        waiting.exists()
        or Order.objects.filter(account=account, status__in=OPEN_ORDER).exists()
        or Position.objects.filter(account=account, status__in=held).exists()
    )


def _late_fills(account: ExchangeAccount) -> list[Event]:
    """Executions of orders that closed recently, among the account's own trades of those symbols."""
    from trading.brokers import live_calls as calls
    from trading.brokers.live import fill_seen

    closed = Order.objects.filter(account=account, closed_at__gte=now() - LATE).exclude(exchange_order_id="")
    rows = list(closed.select_related("intent", "bot", "instrument", "position"))
    by_id = {row.exchange_order_id: row for row in rows}
    events: list[Event] = []
    for symbol in sorted({row.instrument.symbol for row in rows}):
        since = min(row.created_at for row in rows if row.instrument.symbol == symbol)
        since_ms = int(since.timestamp() * 1000) - 1000
        trades = run(calls.trades_since(account, symbol, since_ms), timeout_s=settings.XRAY_EXCHANGE_TIMEOUT_S * 4)
        ours = [trade for trade in trades if str(trade.get("order")) in by_id]
        events += [fill_seen(order_state(by_id[str(trade["order"])]), trade) for trade in ours]
    return events


def check_finish(
    *, account: ExchangeAccount, totals: dict[str, Decimal], asked_at: datetime | None = None
) -> dict[str, Decimal]:
    """Store what the exchange said and compare it with the ledger; returns the differences per currency.

    A difference is shown and told, never overwritten: it may be a deposit or a trade made by hand. When fills were
    stored since `asked_at`, the balances are older than the ledger: the account is checked again at its next turn.
    """
    moment = asked_at or now()
    if Fill.objects.filter(account=account, created_at__gte=moment).exists():
        return {}
    ledger = {row.currency: row for row in Balance.objects.filter(account=account)}
    for name in sorted(ledger.keys() | totals.keys()):
        values = {"exchange_total": totals.get(name, Decimal(0)), "exchange_at": moment}
        Balance.objects.update_or_create(account=account, currency=name, defaults=values)
    ExchangeAccount.objects.filter(pk=account.pk).update(last_checked_at=moment)
    _checked.add(account.pk)
    if Order.objects.filter(Q(status__in=OPEN_ORDER), account=account).exists():
        return {}  # fills may have moved the balances while they were read
    zero = Decimal(0)
    differences = {
        name: totals.get(name, zero) - (ledger[name].total if name in ledger else zero)
        for name in ledger.keys() | totals.keys()
    }
    found = {name: amount for name, amount in differences.items() if amount}
    if found:
        _differences_tell(account, found)
    return found


def _differences_tell(account: ExchangeAccount, found: dict[str, Any]) -> None:
    words = ", ".join(f"{amount.normalize():+f} {name}" for name, amount in sorted(found.items()))
    logger.warning("account %s: the exchange has %s compared with the ledger", account.pk, words)
    if cache.add(f"trading:difference:{account.pk}:{words}"[:200].replace(" ", "_"), 1, timeout=86_400):
        notice_send(
            user=account.user,
            level="warn",
            title=f"{account.name}: the exchange's balances differ",
            text=f"The exchange has {words} compared with our ledger: a deposit, a withdrawal or a trade by hand.",
        )
