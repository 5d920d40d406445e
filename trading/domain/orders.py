"""The life of an order: pending or unknown, then active, then closed. Every legal move is in `TRANSITIONS`.

`python -m trading.domain.orders` prints the table.
"""

import sys
from enum import StrEnum

from trading.domain.types import OrderState, OrderStatus

P, U, A = OrderStatus.PENDING, OrderStatus.UNKNOWN, OrderStatus.ACTIVE
F, C, R, X = OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED

OPEN = frozenset({P, U, A})
CLOSED = frozenset({F, C, R, X})


class Trigger(StrEnum):
    """What happens to an order."""

    ACCEPTED = "accepted"
    UNCLEAR = "unclear"
    FILLED_PARTLY = "filled partly"
    FILLED_WHOLLY = "filled wholly"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


T = Trigger
TRANSITIONS: dict[tuple[OrderStatus, Trigger], OrderStatus] = {
    (P, T.ACCEPTED): A,
    (P, T.UNCLEAR): U,
    (P, T.FILLED_PARTLY): A,  # the fill was faster than the acknowledgement
    (P, T.FILLED_WHOLLY): F,  # the same
    (P, T.CANCELLED): C,
    (P, T.REJECTED): R,
    (P, T.EXPIRED): X,
    (U, T.ACCEPTED): A,  # found at the exchange
    (U, T.UNCLEAR): U,
    (U, T.FILLED_PARTLY): A,
    (U, T.FILLED_WHOLLY): F,
    (U, T.CANCELLED): C,
    (U, T.REJECTED): R,  # proved absent
    (U, T.EXPIRED): X,
    (A, T.ACCEPTED): A,  # a repeated acknowledgement
    (A, T.UNCLEAR): A,  # the answer to its cancel was lost; that it exists is known
    (A, T.FILLED_PARTLY): A,
    (A, T.FILLED_WHOLLY): F,
    (A, T.CANCELLED): C,
    (A, T.REJECTED): R,  # some exchanges refuse after the acknowledgement (post-only, for one)
    (A, T.EXPIRED): X,
    (F, T.ACCEPTED): F,  # the acknowledgement was slower than the fill
    (F, T.UNCLEAR): F,
    (F, T.FILLED_WHOLLY): F,  # more than was asked: exchanges round, money moved, so it is accounted
    (F, T.CANCELLED): F,  # the cancel lost the race
    (F, T.EXPIRED): F,
    (C, T.ACCEPTED): C,
    (C, T.UNCLEAR): C,
    (C, T.FILLED_PARTLY): C,  # a fill after the cancel: it happened before, its report was slow
    (C, T.FILLED_WHOLLY): F,  # the same, and it was all of it
    (C, T.CANCELLED): C,
    (C, T.EXPIRED): C,
    (R, T.ACCEPTED): A,  # thought absent, found after all
    (R, T.UNCLEAR): R,
    (R, T.FILLED_PARTLY): A,  # money moved, so the rejection was wrong
    (R, T.FILLED_WHOLLY): F,
    (R, T.REJECTED): R,
    (X, T.ACCEPTED): X,
    (X, T.UNCLEAR): X,
    (X, T.FILLED_PARTLY): X,  # as after a cancel
    (X, T.FILLED_WHOLLY): F,
    (X, T.CANCELLED): X,
    (X, T.EXPIRED): X,
}

ANSWERS: dict[OrderStatus, Trigger] = {A: T.ACCEPTED, U: T.UNCLEAR, C: T.CANCELLED, R: T.REJECTED, X: T.EXPIRED}


class IllegalTransition(ValueError):
    """A move that the table does not have."""


def after(status: OrderStatus, trigger: Trigger) -> OrderStatus:
    """The status after a trigger. Raises IllegalTransition."""
    try:
        return TRANSITIONS[status, trigger]
    except KeyError:
        raise IllegalTransition(f"An order that is {status} cannot be {trigger}.") from None


def move(order: OrderState, trigger: Trigger) -> bool:
    """Move an order; True when its status changed. Raises IllegalTransition."""
    before, order.status = order.status, after(order.status, trigger)
    return order.status != before


def is_open(order: OrderState) -> bool:
    """Whether it may still fill as far as we know."""
    return order.status in OPEN


def print_table() -> None:
    """Print every legal move, one line each."""
    for (status, trigger), result in TRANSITIONS.items():
        sys.stdout.write(f"{status:<10} --{trigger}--> {result}\n")


if __name__ == "__main__":
    print_table()
