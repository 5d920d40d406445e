"""What follows when an order's status changed: entries end, exits go on, parts are counted."""

from datetime import datetime

from trading.domain import protection
from trading.domain.closing import bid_of, cancel_ask, orders_of, send
from trading.domain.closing import finish as position_finish
from trading.domain.entries import rest_taken
from trading.domain.exits import retry_at, sellable
from trading.domain.orders import is_open
from trading.domain.reducing import part_closed
from trading.domain.replacing import dropped, new_order, refusal
from trading.domain.types import (
    AccountState,
    Effect,
    IntentDecided,
    OrderState,
    OrderStatus,
    OrderType,
    PositionChanged,
    PositionState,
    Purpose,
    Side,
    position_copy,
)


def on_order_moved(state: AccountState, order: OrderState, at: datetime, *, was_open: bool) -> list[Effect]:
    """What follows when an order's status changed."""
    if is_open(order):
        if was_open:
            return []
        state.orders[order.client_order_id] = state.closed_orders.pop(order.client_order_id)
        return cancel_ask(order, at)  # it was given up, and whatever replaced it may be at work: take it back
    if not was_open:
        return []
    state.closed_orders[order.client_order_id] = state.orders.pop(order.client_order_id)
    position = state.positions.get(order.position_id)
    if order.purpose is Purpose.PROTECT:
        if position is None or orders_of(state, position):
            return [protection.decided(order, at), *dropped(order, at, "The position changed meanwhile.")]
        return [protection.decided(order, at), *protection.ended(state, order, position, at)]
    if position is None or orders_of(state, position):
        return []
    if order.side is Side.BUY:
        return _entry_closed(state, order, position, at)
    if order.intent_id == position.exit_intent_id or order.purpose not in (Purpose.PROFIT_STEP, Purpose.REDUCE):
        return _exit_closed(state, order, position, at)
    return part_closed(state, order, position, at)


def _entry_closed(state: AccountState, order: OrderState, position: PositionState, at: datetime) -> list[Effect]:
    more = rest_taken(state, order, position, at) or new_order(state, order, position, at)
    if more:
        return more
    effects = dropped(order, at, refusal(state, order, position))
    effects.append(IntentDecided(at, order.intent_id, *_entry_result(order, position)))
    if position.exit_intent_id is not None and position.bought:
        return effects + send(state, position, at)
    if not position.bought:
        position.close_reason = position.close_reason or "not_filled"
        return effects + position_finish(state, position, at)
    return effects + protection.look(state, position, at)


def _entry_result(order: OrderState, position: PositionState) -> tuple[str, str]:
    filled = order.filled or order.leg if order.purpose is Purpose.ADD else position.bought
    if filled:
        return "done", ""
    if order.status is OrderStatus.REJECTED:
        return "failed", order.reason or "The exchange refused the order."
    return "expired", order.reason or "The order was not filled in time."


def _exit_closed(state: AccountState, order: OrderState, position: PositionState, at: datetime) -> list[Effect]:
    """A filled exit goes on with what one order could not hold; a maker that waited in vain takes the market.

    A refused one is tried again later.
    """
    if position.exit_intent_id is None:
        return []
    maker, filled = order.type is OrderType.LIMIT_MAKER, order.status is OrderStatus.FILLED
    spec = state.instruments[position.symbol]
    if filled or maker or sellable(position.amount, bid_of(state, position), spec) <= 0:
        return send(state, position, at, maker=maker and filled)
    position.retry_at = retry_at(at, position.exits_tried)
    return [PositionChanged(at, position_copy(position))]
