"""Getting out: an exit is begun, waits for the entry's cancel, is sent, tried again, and finished.

An exit intent stays claimed until its position is closed; each try is one leg of it. What cannot be sold because it
is below the smallest order is written off to `dust`, which closes the position; the bot's next exit of the same
instrument sells it along.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from trading.domain import ids, pnl
from trading.domain.exits import maker_waits, sellable
from trading.domain.ledger import held_by_others
from trading.domain.money import sell_price
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
    OrderPlaced,
    OrderState,
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
BEING_CLOSED = "The position is being closed."


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
    change, order.replace_intent_id = order.replace_intent_id, None
    effects: list[Effect] = [] if change is None else [IntentDecided(event.at, change, "denied", BY_HAND)]
    if not order.cancel_requested or change is not None:
        effects += cancel_ask(order, event.at, BY_HAND)
    return [*effects, IntentDecided(event.at, event.intent_id, "done", "")]


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
    working = orders_of(state, position)
    effects = [] if working else send(state, position, event.at)
    for order in working:
        effects += cancel_ask(order, event.at, BEING_CLOSED) if maker_waits(order) else []
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
        maker = purpose is Purpose.TAKE_PROFIT and position.plan.levels.maker_exit
        return effects + send(state, position, at, maker=maker)
    for order in working:
        effects += [] if order.cancel_requested else cancel_ask(order, at, BEING_CLOSED)
    return [*effects, PositionChanged(at, position_copy(position))]


def send(state: AccountState, position: PositionState, at: datetime, *, maker: bool = False) -> list[Effect]:
    """Sell what is held, as much as one order can; finish when nothing can be sold.

    At the market, or as `maker` at the ask until the plan's time-out.
    """
    spec, bid = state.instruments[position.symbol], bid_of(state, position)
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
    leg, purpose = position.exits_tried, Purpose(position.close_reason)
    placed = sale_place(state, position, at, position.exit_intent_id, leg, purpose, amount, maker=maker)
    position.exits_tried, position.retry_at = position.exits_tried + 1, None
    return [*swept, PositionChanged(at, position_copy(position)), placed]


def bid_of(state: AccountState, position: PositionState) -> Decimal | None:
    """The last bid of the position's instrument, when one is known."""
    quote = state.quotes.get(position.symbol)
    return quote.bid if quote is not None else None


def sellable_now(state: AccountState, position: PositionState, wanted: Decimal) -> Decimal:
    """What one order can sell of `wanted`, without what belongs to others of the account; zero when too little."""
    spec = state.instruments[position.symbol]
    own = state.balances.get(spec.base, ZERO) - held_by_others(state, spec.base, position.position_id)
    return sellable(min(wanted, own), bid_of(state, position), spec)


def sale_place(
    state: AccountState,
    position: PositionState,
    at: datetime,
    intent_id: UUID,
    leg: int,
    purpose: Purpose,
    amount: Decimal,
    *,
    maker: bool,
) -> OrderPlaced:
    """One selling order: at the market, or (with a price known) as maker at the ask."""
    quote, spec = state.quotes.get(position.symbol), state.instruments[position.symbol]
    price = sell_price(quote.ask, spec.tick_size) if maker and quote is not None else None
    return place(
        state,
        position,
        at,
        intent_id=intent_id,
        leg=leg,
        purpose=purpose,
        side=Side.SELL,
        type=OrderType.MARKET if price is None else OrderType.LIMIT_MAKER,
        amount=amount,
        price=price,
        reference=quote.bid if quote is not None else ZERO,
        expires_at=None if price is None else at + position.plan.maker_timeout,
    )


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
