"""Engine objects as column values."""

from datetime import datetime
from typing import Any

from trading.domain.orders import CLOSED
from trading.domain.types import OrderState, OrderStatus, PositionState


def order_values(order: OrderState, at: datetime, exchange_order_id: str) -> dict[str, Any]:
    """The columns of an order that change during its life, as of `at`."""
    values: dict[str, Any] = {
        "status": str(order.status),
        "filled": order.filled,
        "cost": order.cost,
        "cancel_requested_at": order.cancel_asked_at,
        "reason": order.reason[:240],
        "closed_at": at if order.status in CLOSED else None,
    }
    if exchange_order_id:
        values["exchange_order_id"] = exchange_order_id
    if order.status is not OrderStatus.PENDING:
        values["submitted_at"] = order.created_at
    return values


def order_identity(order: OrderState) -> dict[str, Any]:
    """The columns of an order that never change, without its keys."""
    return {
        "client_order_id": order.client_order_id,
        "leg": order.leg,
        "side": str(order.side),
        "type": str(order.type),
        "amount": order.amount,
        "price": order.price,
        "reference_price": order.reference_price,
        "expires_at": order.expires_at,
        "created_at": order.created_at,
    }


POSITION_COLUMNS = (
    "amount",
    "bought",
    "buy_cost",
    "sold",
    "sell_proceeds",
    "fees_quote",
    "fees_cash",
    "realised_pnl",
    "dust",
    "stop_price",
    "target_price",
    "hold_until",
    "close_reason",
    "opened_at",
    "closed_at",
    "exit_intent_id",
    "exits_tried",
    "retry_at",
)


def position_values(position: PositionState) -> dict[str, Any]:
    """The columns of a position that change during its life."""
    return {"status": str(position.status), **{name: getattr(position, name) for name in POSITION_COLUMNS}}
