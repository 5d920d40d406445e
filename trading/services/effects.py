"""What follows once effects of the engine are stored: pushes, outcomes, snapshots, the count of errors.

Registered with the store (see `trading.apps`) and called after its commit; nothing here decides anything about money,
and all of it can be repeated.
"""

import logging

from accounts.models import ExchangeAccount
from accounts.services.notices import notice_send
from trading import live
from trading.domain.closing import BY_HAND
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
)
from trading.models import Bot, Fill, Intent, Order, Position
from trading.services.errors import bot_errors_count, bot_errors_reset
from trading.services.payloads import fill_payload, order_payload, position_payload
from trading.services.snapshots import snapshot_on_change
from trading.services.wakes import trades_changed
from trading.store import Saved

logger = logging.getLogger(__name__)
NO_ERRORS = ("would have taken", "came into force before", "waited too long")
_ROW = ("account", "bot", "instrument")


def effects_saved(saved: Saved) -> None:
    """One committed batch of effects of an account (closed trades are recorded by `outcomes.trade_closed`)."""
    if not saved.effects:
        return
    for follow in FOLLOWS:
        try:
            follow(saved)
        except Exception:
            logger.exception("what follows stored effects failed in %s; the effects are stored", follow.__name__)


def _watchers_tell(saved: Saved) -> None:
    if any(isinstance(effect, OrderPlaced | OrderChanged | PositionChanged) for effect in saved.effects):
        trades_changed()


def _positions_follow(saved: Saved) -> None:
    changed = {
        effect.position.position_id: effect.position for effect in saved.effects if isinstance(effect, PositionChanged)
    }
    if not changed:
        return
    rows = Position.objects.filter(public_id__in=changed).select_related(
        *_ROW,
    )
    for row in rows:
        closed = changed[row.public_id].status is PositionStatus.CLOSED
        live.push(saved.user_id, live.Kind.TRADE if closed else live.Kind.POSITION, position_payload(row))


def _orders_push(saved: Saved) -> None:
    changed = {e.order.client_order_id for e in saved.effects if isinstance(e, OrderPlaced | OrderChanged)}
    if changed:
        for row in Order.objects.filter(client_order_id__in=changed).select_related(*_ROW, "position"):
            live.push(saved.user_id, live.Kind.ORDER, order_payload(row))


def _fills_push(saved: Saved) -> None:
    trades = [effect.fill.trade_id for effect in saved.effects if isinstance(effect, FillApplied)]
    if trades:
        rows = Fill.objects.filter(account_id=saved.account_id, trade_id__in=trades)
        for row in rows.select_related("account", "instrument", "order__bot", "order__position"):
            live.push(saved.user_id, live.Kind.FILL, fill_payload(row))


def _errors_count(saved: Saved) -> None:
    orders = [effect.order for effect in saved.effects if isinstance(effect, OrderChanged)]
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
    """Refused or unclear. One that would have taken, or was held back on its way, is nobody's error."""
    if order.status is OrderStatus.UNKNOWN:
        return True
    return order.status is OrderStatus.REJECTED and not any(words in order.reason for words in NO_ERRORS)


def _bots_push(saved: Saved) -> None:
    if not any(isinstance(effect, IntentDecided | RiskDenied) for effect in saved.effects):
        return
    rows = Bot.objects.filter(account_id=saved.account_id, deleted_at=None, last_decision_at__isnull=False)
    for row in rows:
        payload = {
            "id": row.public_id,
            "status": row.status,
            "last_decision": row.last_decision,
            "last_decision_at": row.last_decision_at,
        }
        live.push(saved.user_id, live.Kind.BOT, payload)


def _refusals_tell(saved: Saved) -> None:
    """A trader who entered by hand looks at a page, not at the queue: what came to nothing is told."""
    ended = {e.intent_id: e for e in saved.effects if isinstance(e, IntentDecided) and e.status != "done"}
    if not ended:
        return
    rows = Intent.objects.filter(public_id__in=ended, purpose=Intent.Purpose.MANUAL_ENTRY)
    for row in rows.select_related("instrument", "bot__user"):
        reason = ended[row.public_id].reason
        if reason != BY_HAND:
            link = f"/bots/{row.bot.public_id}/"
            title = f"The entry into {row.instrument.symbol} was not made"
            notice_send(user=row.bot.user, level="warn", title=title, text=reason, link=link)


def _trips_tell(saved: Saved) -> None:
    """A limit on losses was reached, or a pause began: its owner is told, once each time it comes into force."""
    tripped = [effect for effect in saved.effects if isinstance(effect, RiskTripped)]
    bots = Bot.objects.select_related("user").in_bulk([e.bot_id for e in tripped], field_name="public_id")
    for effect in tripped:
        if bot := bots.get(effect.bot_id):
            title = f"{bot.name} was held back: {STOP_NAMES[effect.level]}"
            notice_send(user=bot.user, level="warn", title=title, text=effect.reason, link=f"/bots/{bot.public_id}/")


def _snapshot(saved: Saved) -> None:
    if any(isinstance(effect, LedgerPosted) for effect in saved.effects):
        snapshot_on_change(account=ExchangeAccount.objects.get(pk=saved.account_id))


FOLLOWS = (
    _watchers_tell,
    _positions_follow,
    _orders_push,
    _fills_push,
    _errors_count,
    _bots_push,
    _refusals_tell,
    _trips_tell,
    _snapshot,
)
