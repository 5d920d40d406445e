"""A stop that rests at the exchange, so that it sells while the platform is down; with its target where both can.

It is an order like any other (its own intent, committed before it is sent, unclear until it is looked up), one at a
time and alone: it locks the coins, so whatever else sells or buys for the position first has it cancelled and proved
gone. It is replaced when the stop's level or what is held changed. Where it does not rest (not yet, refused, ended by
somebody else, between two of them) the platform's own watch over the level goes on, as it does beside it.

With a target it is a pair (OCO): one order to us, of which the exchange lets one leg sell. A target that began to sell
has ended the stop, so what is left of such a pair is taken back; a pair that is refused is tried as the stop alone.
"""

from datetime import datetime
from decimal import Decimal

from trading.domain import closing, ids, reducing
from trading.domain.exits import RETRY_LONGEST, sellable
from trading.domain.ledger import held_by_others
from trading.domain.levels import step_touched, touched, watched
from trading.domain.orders import is_open
from trading.domain.placing import place
from trading.domain.replacing import dropped
from trading.domain.types import (
    ZERO,
    AccountState,
    Effect,
    IntentDecided,
    IntentOpened,
    OrderState,
    OrderStatus,
    OrderType,
    PositionChanged,
    PositionState,
    Purpose,
    Side,
    position_copy,
)

MOVED = "The stop or the amount held has changed."


def asked(state: AccountState, position: PositionState) -> bool:
    """Whether a stop should rest for this position: its plan says so, and the exchange can hold one."""
    return watched(position) and position.plan.levels.at_exchange and state.instruments[position.symbol].holds_stops


def amount_wanted(state: AccountState, position: PositionState) -> Decimal:
    """What one stop can sell of the position (base currency); zero when that is below the smallest order."""
    spec = state.instruments[position.symbol]
    own = state.balances.get(spec.base, ZERO) - held_by_others(state, spec.base, position.position_id)
    return sellable(min(position.amount, own), position.stop_price, spec)


def due(state: AccountState, position: PositionState, at: datetime) -> bool:
    """Whether `look` would do anything now."""
    return bool(_unfit(state, position)) or _missing(state, position, at)


def look(state: AccountState, position: PositionState, at: datetime) -> list[Effect]:
    """Take back a stop that does not fit any more; place one where none rests."""
    effects: list[Effect] = []
    for order in _unfit(state, position):
        effects += closing.cancel_ask(order, at, MOVED)
    if not _missing(state, position, at):
        return effects
    pair = state.instruments[position.symbol].holds_pairs
    return effects + _place(state, position, at, target=position.target_price if pair else None)


def ended(state: AccountState, order: OrderState, position: PositionState, at: datetime) -> list[Effect]:
    """The last order at work was a stop that ended: what waited for its end goes on, or the position is closed."""
    if position.exit_intent_id is not None:
        return [*dropped(order, at, closing.BEING_CLOSED), *closing.send(state, position, at)]
    if order.filled and sellable(position.amount, position.stop_price, state.instruments[position.symbol]) <= 0:
        sold = dropped(order, at, "The stop at the exchange sold first.")
        return [*sold, *closing.begin(state, position, _leg_that_sold(order), at)]
    if order.replace_intent_id is not None:
        return reducing.after_stop(state, order, position, at)
    if order.target is not None and order.status is OrderStatus.REJECTED and _missing(state, position, at):
        return _place(state, position, at, target=None)
    ours = order.cancel_requested and order.reason != closing.BY_HAND
    return look(state, position, at) if ours or order.status is OrderStatus.FILLED else _wait(position, at)


def _leg_that_sold(order: OrderState) -> Purpose:
    """Of a pair, the one whose price is nearer to what was got."""
    if order.target is None or order.price is None:
        return Purpose.STOP_LOSS
    between = (order.price + order.target) / 2
    return Purpose.TAKE_PROFIT if order.cost >= between * order.filled else Purpose.STOP_LOSS


def decided(order: OrderState, at: datetime) -> IntentDecided:
    """The end of a stop's intent."""
    if order.filled:
        return IntentDecided(at, order.intent_id, "done", "")
    status = "failed" if order.status is OrderStatus.REJECTED else "expired"
    return IntentDecided(at, order.intent_id, status, order.reason or "It was taken back.")


def _unfit(state: AccountState, position: PositionState) -> list[OrderState]:
    """Stops that rest and should not, or not so."""
    resting = [o for o in closing.orders_of(state, position) if o.purpose is Purpose.PROTECT]
    if not resting or position.exit_intent_id is not None:
        return []
    wanted = amount_wanted(state, position) if asked(state, position) else None
    return [
        order
        for order in resting
        if order.status is OrderStatus.ACTIVE
        and not order.cancel_requested
        and (wanted is None or (wanted and not _fits(order, position, wanted)))
    ]


def _fits(order: OrderState, position: PositionState, wanted: Decimal) -> bool:
    if (order.remaining, order.price) != (wanted, position.stop_price):
        return False
    return order.target is None or (order.target == position.target_price and not order.filled)


def _missing(state: AccountState, position: PositionState, at: datetime) -> bool:
    """Whether one is to be placed: nothing is at work, and the last price touches no level that sells or buys."""
    quote = state.quotes.get(position.symbol)
    if not asked(state, position) or quote is None or (position.retry_at is not None and at < position.retry_at):
        return False
    if touched(position, quote) is not None or step_touched(position, quote) is not None:
        return False
    if any(is_open(order) for order in closing.orders_of(state, position)):
        return False
    return amount_wanted(state, position) > 0


def _place(state: AccountState, position: PositionState, at: datetime, *, target: Decimal | None) -> list[Effect]:
    purpose = Purpose.PROTECT
    position.stops_placed, position.retry_at = position.stops_placed + 1, None
    intent_id = ids.step_intent_id(position.position_id, purpose, position.stops_placed)
    opened = IntentOpened(at, intent_id, position.bot_id, position.position_id, position.symbol, Side.SELL, purpose)
    placed = place(
        state,
        position,
        at,
        intent_id=intent_id,
        leg=0,
        purpose=purpose,
        side=Side.SELL,
        type=OrderType.STOP,
        amount=amount_wanted(state, position),
        price=position.stop_price,
        reference=state.quotes[position.symbol].bid,
        target=target,
    )
    return [opened, PositionChanged(at, position_copy(position)), placed]


def _wait(position: PositionState, at: datetime) -> list[Effect]:
    """Refused, or ended by somebody else: the platform alone holds the level for a while."""
    position.retry_at = at + RETRY_LONGEST
    return [PositionChanged(at, position_copy(position))]
