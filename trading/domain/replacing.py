"""Another price or amount for a resting limit order: the old one must be proved gone before the new one is sent.

What the old one filled in between counts towards the new amount. The new one is the next leg of the same entry. A
change that cannot be made (a stop, too little money, too small a rest) is refused before the old one is touched; when
that comes up while its cancel is under way, the change is refused and the old one stays cancelled.
"""

from datetime import datetime
from decimal import Decimal

from trading.domain.closing import cancel_ask
from trading.domain.ledger import free, order_reserve
from trading.domain.money import amount_floor, buy_price, text
from trading.domain.placing import place
from trading.domain.risk import stop_ladder
from trading.domain.types import (
    ZERO,
    AccountState,
    Effect,
    IntentDecided,
    IntentTaken,
    OrderState,
    OrderStatus,
    OrderType,
    PositionState,
    Side,
)

CHANGED = "Changed by hand."


def on_intent(state: AccountState, event: IntentTaken) -> list[Effect]:
    """Ask for the old order's cancel, and remember what is wanted instead."""
    order = state.orders.get(event.client_order_id)
    if order is not None and order.replace_intent_id == event.intent_id:
        return []
    refused = _unfit(order)
    if refused or order is None:
        return [IntentDecided(event.at, event.intent_id, "denied", refused)]
    spec, position = state.instruments[order.symbol], state.positions.get(order.position_id)
    order.replace_price = order.price if event.limit_price is None else buy_price(event.limit_price, spec.tick_size)
    order.replace_amount = order.amount if event.amount is None else event.amount
    if refused := _impossible(state, order, position, free(state, spec.quote) + order_reserve(order)):
        order.replace_price = order.replace_amount = None
        return [IntentDecided(event.at, event.intent_id, "denied", refused)]
    order.replace_intent_id = event.intent_id
    return cancel_ask(order, event.at, CHANGED)


def _unfit(order: OrderState | None) -> str:
    if order is None:
        return "The order was closed already."
    if order.type is not OrderType.LIMIT or order.side is not Side.BUY:
        return "Only a limit order that waits to buy can be changed."
    return "Its cancel was asked for already." if order.cancel_requested else ""


def dropped(order: OrderState, at: datetime, why: str) -> list[Effect]:
    """Give up a change that waits for the old order's end."""
    intent_id, order.replace_intent_id = order.replace_intent_id, None
    return [] if intent_id is None else [IntentDecided(at, intent_id, "denied", why)]


def new_order(state: AccountState, order: OrderState, position: PositionState, at: datetime) -> list[Effect]:
    """The order in place of one that is closed now; empty when it may not be sent (`dropped` says why)."""
    if order.replace_intent_id is None or refusal(state, order, position):
        return []
    placed = place(
        state,
        position,
        at,
        intent_id=order.intent_id,
        leg=order.leg + 1,
        purpose=order.purpose,
        side=Side.BUY,
        type=OrderType.LIMIT,
        amount=_rest(state, order),
        price=order.replace_price,
        reference=order.replace_price or ZERO,
    )
    return [placed, IntentDecided(at, order.replace_intent_id, "done", "")]


def _rest(state: AccountState, order: OrderState) -> Decimal:
    return amount_floor((order.replace_amount or ZERO) - order.filled, state.instruments[order.symbol].lot_size)


def refusal(state: AccountState, order: OrderState, position: PositionState) -> str:
    """Why the new order may not be sent, in words; empty when it may."""
    if order.status not in (OrderStatus.CANCELLED, OrderStatus.EXPIRED):
        return f"The order was {order.status} before it could be changed."
    return _impossible(state, order, position, free(state, state.instruments[order.symbol].quote))


def _impossible(state: AccountState, order: OrderState, position: PositionState | None, money: Decimal) -> str:
    """Why there can be no order such as is wanted, with so much `money` for it."""
    bot, spec = state.bots.get(order.bot_id), state.instruments[order.symbol]
    if position is None or position.exit_intent_id is not None or bot is None or not bot.running:
        return "The bot does not enter any more."
    if why := stop_ladder.held(bot):
        return why
    amount, price = _rest(state, order), order.replace_price or ZERO
    if amount <= 0 or amount < spec.min_amount or amount * price < spec.min_notional:
        return f"What is left to buy ({text(max(amount, ZERO))} {spec.base}) is below the smallest order."
    if amount * price > money:
        return f"It needs {text(amount * price)} {spec.quote}; {text(max(money, ZERO))} {spec.quote} are free for it."
    return ""
