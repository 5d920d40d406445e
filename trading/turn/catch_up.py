"""What the exchange says of an account's orders beside the answers to our own requests.

Messages of user streams only ring: every fill is accounted by one path, from what is read here under the lease.
"""

from collections.abc import Iterable
from typing import NoReturn

from trading.brokers.live import LiveBroker
from trading.domain.types import AccountState, Event, FillSeen, OrderState, OrderStatus
from trading.turn.ports import Leaving, Ports

QUIET_S = 10.0  # an open order is looked at again without a bell
QUIET_STREAMED_S = 60.0  # the same while the account's user stream is up
BELL, STREAM, LOOKED = "bell", "stream", "looked"


def orders_catch_up(ports: Ports, state: AccountState) -> list[Event]:
    """News of the account's resting orders, when a bell rang or none did for a while.

    Orders whose answer is unclear are left to the run itself, which looks them up first.
    """
    resting = [order for order in state.orders.values() if order.status is OrderStatus.ACTIVE]
    if not resting or not _look_due(ports):
        return []
    return orders_look(ports, state, resting)


def _look_due(ports: Ports) -> bool:
    rung = ports.memory.note_drop(BELL)
    streamed = ports.memory.note_read(STREAM)
    fresh = ports.memory.note_once(LOOKED, 1, QUIET_STREAMED_S if streamed else QUIET_S)
    return rung or fresh


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
