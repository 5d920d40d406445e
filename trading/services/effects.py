"""What follows once effects of the engine are stored: pushes, outcomes, snapshots, the count of errors.

Registered with the store (see `trading.apps`) and called after its commits, with those of several accounts at a time
in a busy worker; nothing here decides anything about money, and all of it can be repeated.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import TypeVar

from accounts.services.notices import notice_send
from trading import live
from trading.domain.closing import BY_HAND
from trading.domain.replacing import CHANGED
from trading.domain.risk.stop_ladder import NAMES as STOP_NAMES
from trading.domain.types import (
    FillApplied,
    IntentDecided,
    LedgerPosted,
    OrderChanged,
    OrderPlaced,
    OrderState,
    OrderStatus,
    PositionChanged,
    PositionStatus,
    RiskDenied,
    RiskTripped,
    Side,
)
from trading.models import Bot, Fill, Intent, Order, Position
from trading.services.errors import bot_errors_count, bot_errors_reset
from trading.services.payloads import fill_payload, order_payload, position_payload
from trading.services.snapshots import snapshots_on_change
from trading.services.wakes import trades_changed
from trading.store import Saved

logger = logging.getLogger(__name__)
NO_ERRORS = ("would have taken", "came into force before", "waited too long")
NO_EXITS = (Intent.Purpose.PROTECT, Intent.Purpose.PROFIT_STEP, Intent.Purpose.REDUCE)  # sell, too
_ROW = ("account", "bot", "instrument")


Batch = Sequence[Saved]
E = TypeVar("E")


def effects_saved(batch: Batch) -> None:
    """Committed effects of one or several accounts (closed trades are recorded by `outcomes.trade_closed`)."""
    with live.gathered():
        for follow in FOLLOWS:
            try:
                follow(batch)
            except Exception:
                logger.exception("what follows stored effects failed in %s; the effects are stored", follow.__name__)


def _of(batch: Batch, kind: type[E]) -> Iterator[E]:
    return (effect for saved in batch for effect in saved.effects if isinstance(effect, kind))


def _users(batch: Batch) -> dict[int, int]:
    """Whose each account is."""
    return {saved.account_id: saved.user_id for saved in batch}


def _orders(batch: Batch) -> list[OrderState]:
    found = (effect for saved in batch for effect in saved.effects)
    return [effect.order for effect in found if isinstance(effect, OrderPlaced | OrderChanged)]


def _watchers_tell(batch: Batch) -> None:
    if _orders(batch) or any(_of(batch, PositionChanged)):
        trades_changed()


def _positions_follow(batch: Batch) -> None:
    changed = {effect.position.position_id: effect.position for effect in _of(batch, PositionChanged)}
    users = _users(batch)
    if not changed:
        return
    for row in Position.objects.filter(public_id__in=changed).select_related(*_ROW).order_by("id"):
        closed = changed[row.public_id].status is PositionStatus.CLOSED
        live.push(users[row.account_id], live.Kind.TRADE if closed else live.Kind.POSITION, position_payload(row))


def _orders_push(batch: Batch) -> None:
    changed, users = {order.client_order_id for order in _orders(batch)}, _users(batch)
    if changed:
        rows = Order.objects.filter(client_order_id__in=changed, account__in=users).order_by("id")
        for row in rows.select_related(*_ROW, "position"):
            live.push(users[row.account_id], live.Kind.ORDER, order_payload(row))


def _fills_push(batch: Batch) -> None:
    trades, users = [effect.fill.trade_id for effect in _of(batch, FillApplied)], _users(batch)
    if trades:
        rows = Fill.objects.filter(account__in=users, trade_id__in=trades).order_by("id")
        for row in rows.select_related("account", "instrument", "order__bot", "order__position"):
            live.push(users[row.account_id], live.Kind.FILL, fill_payload(row))


def _errors_count(batch: Batch) -> None:
    orders = {effect.order.client_order_id: effect.order for effect in _of(batch, OrderChanged)}.values()
    failed = {order.bot_id: order.reason for order in orders if _is_error(order)}
    well = {order.bot_id for order in orders if order.status in (OrderStatus.ACTIVE, OrderStatus.FILLED)}
    if failed:
        keys = dict(Bot.objects.filter(public_id__in=failed).values_list("public_id", "pk"))
        for public_id, reason in failed.items():
            bot_errors_count(bot_ids=[keys[public_id]], message=reason or "The exchange refused the order.")
    if well - failed.keys():
        rows = Bot.objects.filter(public_id__in=well - failed.keys(), consecutive_errors__gt=0)
        bot_errors_reset(bot_ids=rows.values_list("pk", flat=True))


def _is_error(order: OrderState) -> bool:
    return order.status is OrderStatus.UNKNOWN or _is_refused(order)


def _is_refused(order: OrderState) -> bool:
    """One that would have taken, or was held back on its way, is nobody's error."""
    return order.status is OrderStatus.REJECTED and not any(words in order.reason for words in NO_ERRORS)


def _bots_push(batch: Batch) -> None:
    users = {
        saved.account_id: saved.user_id
        for saved in batch
        if any(isinstance(effect, IntentDecided | RiskDenied) for effect in saved.effects)
    }
    if not users:
        return
    columns = ("account_id", "public_id", "status", "last_decision", "last_decision_at")
    rows = Bot.objects.filter(account__in=users, deleted_at=None, last_decision_at__isnull=False).order_by("id")
    for account_id, *values in rows.values_list(*columns):
        payload = dict(zip(("id", "status", "last_decision", "last_decision_at"), values, strict=True))
        live.push(users[account_id], live.Kind.BOT, payload)


def _refusals_tell(batch: Batch) -> None:
    """A trader who entered or changed an order by hand looks at a page, not at the queue: what came to nothing is told.

    Of an entry that ends with its change only the change is told.
    """
    ended = {effect.intent_id: effect for effect in _of(batch, IntentDecided) if effect.status != "done"}
    if not ended:
        return
    rows = Intent.objects.filter(public_id__in=ended, purpose__in=(Intent.Purpose.MANUAL_ENTRY, Intent.Purpose.REPLACE))
    for row in rows.select_related("instrument", "bot__user", "order"):
        reason, symbol = ended[row.public_id].reason, row.instrument.symbol
        if reason in (BY_HAND, CHANGED):
            continue
        title = f"The entry into {symbol} was not made"
        if row.order is not None:
            title, reason = f"The order for {symbol} was not changed", f"{reason} {_order_now(row.order)}".rstrip()
        link = f"/bots/{row.bot.public_id}/"
        notice_send(user=row.bot.user, level="warn", title=title, text=reason, link=link)


def _order_now(order: Order) -> str:
    """What the order is whose change was refused."""
    if order.status == Order.Status.CANCELLED:
        return "The old order is cancelled: enter again if you still want to buy."
    return "" if order.closed_at else "It waits as it was."


def _exits_tell(batch: Batch) -> None:
    """A refused exit is tried again and again: its row says why, and its owner is told the first time."""
    orders = {effect.order.client_order_id: effect.order for effect in _of(batch, OrderChanged)}.values()
    refused = {order.intent_id: order.reason for order in orders if order.side is Side.SELL and _is_refused(order)}
    if not refused:
        return
    rows = Intent.objects.filter(public_id__in=refused, status=Intent.Status.CLAIMED).exclude(purpose__in=NO_EXITS)
    for row in rows.select_related("instrument", "bot__user", "position"):
        reason = f"Refused, and tried again until it is sold. {refused[row.public_id]}"[:240]
        Intent.objects.filter(pk=row.pk, status=Intent.Status.CLAIMED).update(reason=reason)
        if row.position is not None and not row.reason:
            title, link = f"{row.bot.name} could not sell {row.instrument.symbol}", f"/trades/{row.position.public_id}/"
            notice_send(user=row.bot.user, level="bad", title=title, text=reason, link=link)


def _trips_tell(batch: Batch) -> None:
    """A limit on losses was reached, or a pause began: its owner is told, once each time it comes into force."""
    tripped = list(_of(batch, RiskTripped))
    if not tripped:
        return
    bots = Bot.objects.select_related("user").in_bulk([e.bot_id for e in tripped], field_name="public_id")
    for effect in tripped:
        if bot := bots.get(effect.bot_id):
            title = f"{bot.name} was held back: {STOP_NAMES[effect.level]}"
            notice_send(user=bot.user, level="warn", title=title, text=effect.reason, link=f"/bots/{bot.public_id}/")


def _snapshot(batch: Batch) -> None:
    moved = {saved.account_id for saved in batch if any(isinstance(effect, LedgerPosted) for effect in saved.effects)}
    if moved:
        snapshots_on_change(account_ids=moved)


FOLLOWS = (
    _watchers_tell,
    _positions_follow,
    _orders_push,
    _fills_push,
    _errors_count,
    _bots_push,
    _refusals_tell,
    _exits_tell,
    _trips_tell,
    _snapshot,
)
