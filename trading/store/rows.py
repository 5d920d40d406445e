"""Engine objects as column values."""

from datetime import datetime
from typing import Any

from trading.domain.orders import CLOSED
from trading.domain.types import OrderState, OrderStatus, PositionState


def order_values(order: OrderState, at: datetime) -> dict[str, Any]:
    """The columns of an order that change during its life, as of `at`."""
    return {
        "exchange_order_id": order.exchange_order_id,
        "status": str(order.status),
        "filled": order.filled,
        "cost": order.cost,
        "cancel_requested_at": order.cancel_asked_at,
        "reason": order.reason[:240],
        "replace_intent_id": order.replace_intent_id,
        "replace_price": order.replace_price,
        "replace_amount": order.replace_amount,
        "submitted_at": None if order.status is OrderStatus.PENDING else order.created_at,
        "closed_at": at if order.status in CLOSED else None,
    }


def order_identity(order: OrderState) -> dict[str, Any]:
    """The columns of an order that never change, without its keys."""
    return {
        "client_order_id": order.client_order_id,
        "leg": order.leg,
        "side": str(order.side),
        "type": str(order.type),
        "amount": order.amount,
        "price": order.price,
        "target": order.target,
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
    "dust_cost",
    "dust_moved",
    "cost_moved",
    "gone",
    "gone_cost",
    "stop_price",
    "target_price",
    "hold_until",
    "close_reason",
    "opened_at",
    "closed_at",
    "exit_intent_id",
    "exits_tried",
    "retry_at",
    "stop_kind",
    "raise_price",
    "step_price",
    "add_price",
    "steps_taken",
    "adds_taken",
    "first_price",
    "first_cost",
    "stops_placed",
)


def position_values(position: PositionState) -> dict[str, Any]:
    """The columns of a position that change during its life."""
    return {"status": str(position.status), **{name: getattr(position, name) for name in POSITION_COLUMNS}}
