"""Getting out: an exit is begun, waits for the entry's cancel, is sent, tried again, and finished.

An exit intent stays claimed until its position is closed; each try is one leg of it. What cannot be sold because it
is below the smallest order is written off to `dust`, which closes the position; the bot's next exit of the same
instrument sells it along.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from trading.domain import ids, pnl
from trading.domain.entries import rest_taken
from trading.domain.exits import retry_at, sellable
from trading.domain.ledger import held_by_others
from trading.domain.orders import is_open
from trading.domain.placing import place
from trading.domain.position import dust_hand_on, dust_write_off, gone_write_off, move
from trading.domain.types import (
    ZERO,
    AccountState,
    CancelAsked,
    Effect,
    IntentDecided,
    IntentOpened,
    IntentTaken,
    Oddity,
    OrderChanged,
    OrderState,
    OrderStatus,
    OrderType,
    PositionChanged,
    PositionState,
    PositionStatus,
    Purpose,
    Side,
    order_copy,
    position_copy,
)

BY_HAND = "Cancelled by hand."


def cancel_ask(order: OrderState, at: datetime, reason: str = "") -> list[Effect]:
    """Ask for an order's cancel (again); `reason` says why its time had not simply come."""
    order.cancel_asked_at, order.reason = at, reason or order.reason
    return [OrderChanged(at, order_copy(order)), CancelAsked(at, order.client_order_id)]


def orders_of(state: AccountState, position: PositionState) -> list[OrderState]:
    """Open orders of a position."""
    return [order for order in state.orders.values() if order.position_id == position.position_id]


def on_cancel(state: AccountState, event: IntentTaken) -> list[Effect]:
    """A trader wants one open order cancelled; fills that come before the answer still count."""
    order = state.orders.get(event.client_order_id)
    if order is None:
        return [IntentDecided(event.at, event.intent_id, "denied", "The order was closed already.")]
    asked = [] if order.cancel_requested else cancel_ask(order, event.at, BY_HAND)
    return [*asked, IntentDecided(event.at, event.intent_id, "done", "")]


def on_intent(state: AccountState, event: IntentTaken) -> list[Effect]:
    """An exit from the queue: a selling signal, or a trader who wants out. A second one only hurries the first."""
    held = [p for p in state.positions.values() if p.bot_id == event.bot_id and p.symbol == event.symbol]
    if not held:
        reason = f"There is no open position in {event.symbol} to close."
        return [IntentDecided(event.at, event.intent_id, "denied", reason)]
    position = held[0]
    if position.exit_intent_id is None:
        return begin(state, position, event.purpose, event.at, event.intent_id)
    if position.exit_intent_id == event.intent_id:
        return []
    effects = [] if orders_of(state, position) else send(state, position, event.at)
    reason = f"Already closing ({position.close_reason})."
    return [*effects, IntentDecided(event.at, event.intent_id, "done", reason)]


def begin(
    state: AccountState, position: PositionState, purpose: Purpose, at: datetime, intent_id: UUID | None = None
) -> list[Effect]:
    """Start an exit; an entry still at work is cancelled first, and the exit goes on when that is answered."""
    effects: list[Effect] = []
    if intent_id is None:
        intent_id = ids.exit_intent_id(position.position_id, purpose, position.exits_tried)
        effects.append(
            IntentOpened(at, intent_id, position.bot_id, position.position_id, position.symbol, Side.SELL, purpose)
        )
    position.exit_intent_id, position.close_reason = intent_id, str(purpose)
    working = orders_of(state, position)
    if not working:
        return effects + send(state, position, at)
    for order in working:
        effects += [] if order.cancel_requested else cancel_ask(order, at, "The position is being closed.")
    return [*effects, PositionChanged(at, position_copy(position))]


def send(state: AccountState, position: PositionState, at: datetime) -> list[Effect]:
    """Sell what is held at the market, as much as one order can; finish when nothing can be sold."""
    spec, quote = state.instruments[position.symbol], state.quotes.get(position.symbol)
    bid = quote.bid if quote is not None else None
    swept = leftovers_take(state, position, at)
    if sellable(position.amount, bid, spec) <= 0:
        return swept + finish(state, position, at)
    own = state.balances.get(spec.base, ZERO) - held_by_others(state, spec.base, position.position_id)
    if own < position.amount:
        swept.append(_gone(position, spec.base, own, at))
    amount = sellable(position.amount, bid, spec)
    if amount <= 0:
        return swept + finish(state, position, at)
    if position.status is not PositionStatus.CLOSING:
        move(position, PositionStatus.CLOSING)
    assert position.exit_intent_id is not None
    placed = place(
        state,
        position,
        at,
        intent_id=position.exit_intent_id,
        leg=position.exits_tried,
        purpose=Purpose(position.close_reason),
        side=Side.SELL,
        type=OrderType.MARKET,
        amount=amount,
        price=None,
        reference=bid if bid is not None else ZERO,
    )
    position.exits_tried, position.retry_at = position.exits_tried + 1, None
    return [*swept, PositionChanged(at, position_copy(position)), placed]


def leftovers_take(state: AccountState, position: PositionState, at: datetime) -> list[Effect]:
    """Take over the dust of the bot's earlier trades in this instrument."""
    effects: list[Effect] = []
    for position_id in sorted(state.leftovers.pop((position.bot_id, position.symbol), ())):
        old = state.closed_positions.get(position_id)
        if old is not None and old.dust > 0:
            dust_hand_on(old, position)
            effects.append(PositionChanged(at, position_copy(old)))
    return effects


def leftover_note(state: AccountState, position: PositionState) -> None:
    """Remember a closed position that left dust."""
    if position.dust > 0:
        state.leftovers.setdefault((position.bot_id, position.symbol), set()).add(position.position_id)


def _gone(position: PositionState, coin: str, own: Decimal, at: datetime) -> Effect:
    """Coins that the account has no more (sold or withdrawn by hand) cannot be sold: the exit goes on without them."""
    missing = position.amount - max(own, ZERO)
    gone_write_off(position, missing)
    return Oddity(at, f"{missing} {coin} of a position are not in the account any more and were written off.")


def finish(state: AccountState, position: PositionState, at: datetime) -> list[Effect]:
    """Close a position for good (or cancel one that never held anything) and decide its exit intent."""
    never_held = not position.bought
    dust_write_off(position)
    move(position, PositionStatus.CANCELLED if never_held else PositionStatus.CLOSED)
    position.closed_at, position.retry_at = at, None
    position.realised_pnl = pnl.realised(position)
    intent_id, position.exit_intent_id = position.exit_intent_id, None
    position.exits_tried += 1  # should it ever open again, its next exit has another name
    state.closed_positions[position.position_id] = state.positions.pop(position.position_id)
    leftover_note(state, position)
    effects: list[Effect] = [PositionChanged(at, position_copy(position))]
    if intent_id is not None:
        reason = "The entry was cancelled before any fill." if never_held else ""
        effects.append(IntentDecided(at, intent_id, "done", reason))
    return effects


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
    if position is None or orders_of(state, position):
        return []
    closed = _entry_closed if order.side is Side.BUY else _exit_closed
    return closed(state, order, position, at)


def _entry_closed(state: AccountState, order: OrderState, position: PositionState, at: datetime) -> list[Effect]:
    more = rest_taken(state, order, position, at)
    if more:
        return more
    effects: list[Effect] = [IntentDecided(at, order.intent_id, *_entry_result(order, position))]
    if position.exit_intent_id is not None and position.bought:
        return effects + send(state, position, at)
    if not position.bought:
        position.close_reason = position.close_reason or "not_filled"
        return effects + finish(state, position, at)
    return effects


def _entry_result(order: OrderState, position: PositionState) -> tuple[str, str]:
    if position.bought:
        return "done", ""
    if order.status is OrderStatus.REJECTED:
        return "failed", order.reason or "The exchange refused the order."
    return "expired", order.reason or "The order was not filled in time."


def _exit_closed(state: AccountState, order: OrderState, position: PositionState, at: datetime) -> list[Effect]:
    """A filled exit goes on with what one order could not hold; a refused one is tried again later."""
    quote = state.quotes.get(position.symbol)
    bid = quote.bid if quote is not None else None
    if position.exit_intent_id is None:
        return []
    if order.status is OrderStatus.FILLED or sellable(position.amount, bid, state.instruments[position.symbol]) <= 0:
        return send(state, position, at)
    position.retry_at = retry_at(at, position.exits_tried)
    return [PositionChanged(at, position_copy(position))]
