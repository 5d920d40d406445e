"""Making an order: the one place where an `OrderState` is born."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from trading.domain import ids
from trading.domain.types import AccountState, OrderPlaced, OrderState, OrderType, PositionState, Purpose, Side
from trading.domain.types import order_copy as copy


def place(
    state: AccountState,
    position: PositionState,
    at: datetime,
    *,
    intent_id: UUID,
    leg: int,
    purpose: Purpose,
    side: Side,
    type: OrderType,
    amount: Decimal,
    price: Decimal | None,
    reference: Decimal,
    expires_at: datetime | None = None,
    target: Decimal | None = None,
) -> OrderPlaced:
    """A new order of a position, PENDING; the runner stores it before the broker sees it."""
    order = OrderState(
        client_order_id=ids.client_order_id(state.deployment_id, intent_id, leg),
        intent_id=intent_id,
        leg=leg,
        purpose=purpose,
        bot_id=position.bot_id,
        position_id=position.position_id,
        symbol=position.symbol,
        side=side,
        type=type,
        amount=amount,
        price=price,
        created_at=at,
        expires_at=expires_at,
        reference_price=reference,
        target=target,
    )
    state.orders[order.client_order_id] = order
    return OrderPlaced(at, copy(order))
