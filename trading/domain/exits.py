"""When a position is left, what is too small to sell, and what a quote or a moment could change at all."""

from datetime import datetime, timedelta
from decimal import Decimal

from trading.domain.levels import raises, step_touched, touched, watched
from trading.domain.money import amount_floor
from trading.domain.orders import is_open
from trading.domain.risk_state import level_of
from trading.domain.types import (
    ZERO,
    AccountState,
    InstrumentSpec,
    OrderState,
    OrderType,
    PositionState,
    Purpose,
    Quote,
    Side,
    StopLevel,
)

RETRY_FIRST = timedelta(seconds=5)
RETRY_LONGEST = timedelta(minutes=5)
CANCEL_AGAIN = timedelta(seconds=30)


def overdue(position: PositionState, at: datetime) -> bool:
    """Whether the holding time is over and no exit has begun."""
    return watched(position) and position.hold_until is not None and at >= position.hold_until


def sellable(amount: Decimal, price: Decimal | None, spec: InstrumentSpec) -> Decimal:
    """What of `amount` one order can sell (a multiple of the lot); zero when it is below the smallest order.

    Without a price the smallest value cannot be checked: the exchange will say.
    """
    whole = amount_floor(amount, spec.lot_size)
    if spec.max_amount is not None:
        whole = min(whole, amount_floor(spec.max_amount, spec.lot_size))
    if whole <= 0 or whole < spec.min_amount:
        return ZERO
    return ZERO if price is not None and whole * price < spec.min_notional else whole


def retry_at(at: datetime, tries: int) -> datetime:
    """When a refused exit is tried again: 5 s, doubling, at most 5 minutes apart."""
    return at + min(RETRY_FIRST * 2 ** min(max(tries - 1, 0), 10), RETRY_LONGEST)


def cancel_due(order: OrderState, at: datetime) -> bool:
    """Whether an open order's time is up, or its cancel has gone unanswered for 30 s."""
    if order.cancel_asked_at is not None:
        return at >= order.cancel_asked_at + CANCEL_AGAIN
    return order.expires_at is not None and at >= order.expires_at


def exit_waits(state: AccountState, position: PositionState, at: datetime) -> bool:
    """Whether an exit that was begun has no order at work and its time has come."""
    if position.exit_intent_id is None or any(o.position_id == position.position_id for o in state.orders.values()):
        return False
    return position.retry_at is None or at >= position.retry_at


def flatten_wanted(state: AccountState, position: PositionState, at: datetime) -> bool:
    """Whether a stop, or a limit that was reached, asks for this position to be closed and no exit has begun."""
    return position.exit_intent_id is None and level_of(state, position.bot_id, at) >= StopLevel.FLATTEN


def exits_due(state: AccountState, at: datetime) -> bool:
    """Whether a clock mark at this moment would do anything to orders and positions."""
    return any(cancel_due(order, at) for order in state.orders.values()) or any(
        overdue(position, at) or exit_waits(state, position, at) or flatten_wanted(state, position, at)
        for position in state.positions.values()
    )


def order_reached(order: OrderState, quote: Quote) -> bool:
    """Whether this quote could fill an open order."""
    if order.symbol != quote.symbol or not is_open(order):
        return False
    if order.type is OrderType.MARKET or order.price is None:
        return True
    if order.type is OrderType.STOP:
        return quote.bid <= order.price
    return quote.ask <= order.price if order.side is Side.BUY else quote.bid >= order.price


def step_due(state: AccountState, position: PositionState, quote: Quote) -> Purpose | None:
    """The step that this quote takes; none while an order of the position is at work."""
    step = step_touched(position, quote)
    if step is None or any(order.position_id == position.position_id for order in state.orders.values()):
        return None
    return step


def step_blockers(state: AccountState, position: PositionState, quote: Quote) -> list[OrderState]:
    """Stops that rest at the exchange while this quote touches a step: they hold the coins."""
    if step_touched(position, quote) is None:
        return []
    own = [o for o in state.orders.values() if o.position_id == position.position_id]
    return [order for order in own if order.purpose is Purpose.PROTECT and not order.cancel_requested]


def maker_late(state: AccountState, position: PositionState, quote: Quote) -> list[OrderState]:
    """Orders that take a profit as maker while the bid fell to the stop: there is no more time to wait."""
    if position.exit_intent_id is None or position.stop_price is None or quote.bid > position.stop_price:
        return []
    return [o for o in state.orders.values() if o.position_id == position.position_id and maker_waits(o)]


def maker_waits(order: OrderState) -> bool:
    """Whether it sells as maker and its cancel has not been asked for."""
    return order.side is Side.SELL and order.type is OrderType.LIMIT_MAKER and not order.cancel_requested


def touches(state: AccountState, quote: Quote) -> bool:
    """Whether this quote could change anything but the quote itself."""
    return any(order_reached(order, quote) for order in state.orders.values()) or any(
        position.symbol == quote.symbol and _position_touched(state, position, quote)
        for position in state.positions.values()
    )


def _position_touched(state: AccountState, position: PositionState, quote: Quote) -> bool:
    return (
        raises(position, quote)
        or touched(position, quote) is not None
        or step_due(state, position, quote) is not None
        or bool(maker_late(state, position, quote))
        or bool(step_blockers(state, position, quote))
    )
