"""What the exchange says of an account's orders beside the answers to our own requests.

Messages of user streams only ring: every fill is accounted by one path, from what is read here under the lease.
"""

from collections.abc import Iterable
from typing import NoReturn

from trading.brokers.live import LiveBroker
from trading.domain.types import AccountState, Event, FillSeen, OrderState, OrderStatus, OrderType
from trading.turn.ports import Leaving, Ports

QUIET_S = 10.0, 60.0  # an open order is looked at again without a bell; the same while the user stream is up
QUIET_STOP_S = 60.0, 600.0  # a stop
BELL, STREAM, LOOKED, LOOKED_STOPS = "bell", "stream", "looked", "looked_stops"


def orders_catch_up(ports: Ports, state: AccountState) -> list[Event]:
    """News of the account's resting orders, when a bell rang or none did for a while.

    Orders whose answer is unclear are left to the run itself, which looks them up first.
    """
    resting = [order for order in state.orders.values() if order.status is OrderStatus.ACTIVE]
    wanted = _due(ports, resting) if resting else []
    return orders_look(ports, state, wanted) if wanted else []


def _due(ports: Ports, resting: list[OrderState]) -> list[OrderState]:
    """Which of them to look at: all when it rang; stops, which rest for hours beside our own watch, seldom without."""
    if ports.memory.note_drop(BELL):
        return resting
    streamed = 1 if ports.memory.note_read(STREAM) else 0
    stops = [order for order in resting if order.type is OrderType.STOP]
    others = [order for order in resting if order.type is not OrderType.STOP]
    due = others if others and ports.memory.note_once(LOOKED, 1, QUIET_S[streamed]) else []
    return due + stops if stops and ports.memory.note_once(LOOKED_STOPS, 1, QUIET_STOP_S[streamed]) else due


def orders_look(ports: Ports, state: AccountState, orders: Iterable[OrderState]) -> list[Event]:
    """News of these orders, without fills that are accounted already."""
    broker = ports.broker(state, Leaving(_nothing_leaves, _nothing_leaves))
    assert isinstance(broker, LiveBroker)
    events = [event for order in orders for event in broker.look(order)]
    return [event for event in events if not _known(state, event)]


def _nothing_leaves(order: OrderState) -> NoReturn:
    raise AssertionError(f"Order {order.client_order_id} was to be looked at, not sent.")


def _known(state: AccountState, event: Event) -> bool:
    if not isinstance(event, FillSeen):
        return False
    order = state.orders.get(event.client_order_id) or state.closed_orders.get(event.client_order_id)
    return order is not None and (order.symbol, event.trade_id) in state.trade_ids
