"""Engine objects as column values, and many rows of them written with one statement.

The ORM's own `update` and `bulk_create` are most of the time of an account's run: they work out their SQL each time.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Model

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
    "dust_moved",
    "gone",
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


def rows_update(model: type[Model], rows: Mapping[int, Mapping[str, Any]]) -> None:
    """Write the given columns of many rows (by primary key, the same columns for each) with one prepared statement.

    What `QuerySet.update` does row by row; an account's run changes some thirty rows, and this is most of its time.
    Raises LookupError when a row is gone.
    """
    if not rows:
        return
    fields: list[Any] = [model._meta.get_field(name) for name in next(iter(rows.values()))]
    key: Any = model._meta.pk
    quote = connection.ops.quote_name
    columns = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    values = [
        [*(field.get_db_prep_save(value, connection) for field, value in zip(fields, row.values(), strict=True)), pk]
        for pk, row in rows.items()
    ]
    statement = f"UPDATE {quote(model._meta.db_table)} SET {columns} WHERE {quote(key.column)} = %s"  # nosec B608
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)
        if cursor.rowcount != len(rows):
            raise LookupError(f"{len(rows) - cursor.rowcount} of {len(rows)} rows of {model.__name__} are gone.")


def rows_insert(model: type[Model], rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Insert rows (by attribute name, the same ones for each) with one statement; their primary keys, in order.

    Columns that are left out get the model's own defaults.
    """
    if not rows:
        return []
    given = rows[0].keys()
    fields: list[Any] = [field for field in model._meta.concrete_fields if not field.primary_key]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in fields)
    one = f"({', '.join(['%s'] * len(fields))})"
    values = [
        field.get_db_prep_save(row[field.attname] if field.attname in given else field.get_default(), connection)
        for row in rows
        for field in fields
    ]
    key: Any = model._meta.pk
    into = f"{quote(model._meta.db_table)} ({columns})"
    every = ", ".join([one] * len(rows))
    statement = f"INSERT INTO {into} VALUES {every} RETURNING {quote(key.column)}"  # nosec B608
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [found for (found,) in cursor.fetchall()]
