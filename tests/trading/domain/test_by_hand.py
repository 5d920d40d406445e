"""What traders do by hand, in the engine: entries at market and at a limit, cancels, and what a stop does to them."""

from decimal import Decimal as D

import pytest

from tests.trading.domain.desk import Desk, books_hold
from trading.domain.types import OrderStatus, OrderType, Purpose


def limit(desk, price="99"):
    """A manual limit entry that rests below the market."""
    return desk.intent(Purpose.MANUAL_ENTRY, amount_quote=D(100), limit_price=D(price))


def test_without_a_limit_price_even_a_maker_bot_buys_at_the_market():
    desk = Desk(entry_type=OrderType.LIMIT_MAKER).quote(100)
    desk.intent(Purpose.MANUAL_ENTRY, amount_quote=D(100))
    (order,) = desk.results.orders.values()
    assert (order.type, order.status) == (OrderType.MARKET, OrderStatus.FILLED)


def test_a_resting_order_is_cancelled_by_hand_with_that_reason():
    desk = Desk().quote(100)
    entry = limit(desk)
    cancel = desk.intent(Purpose.CANCEL, client_order_id=desk.order.client_order_id)
    assert desk.decision(cancel) == ("done", "")
    assert desk.decision(entry) == ("expired", "Cancelled by hand.")
    assert desk.last.status == "cancelled"
    books_hold(desk)


def test_what_was_filled_before_the_cancel_stays_a_position():
    desk = Desk(paper=False).quote(100)
    limit(desk)
    order = desk.order.client_order_id
    desk.answer(order).fill(order, "0.5", price=99)
    desk.intent(Purpose.CANCEL, client_order_id=order)
    desk.answer(order, OrderStatus.CANCELLED)
    assert (desk.position.status, desk.position.amount) == ("open", D("0.5"))
    books_hold(desk)


def test_a_cancel_is_asked_once_and_of_a_closed_order_denied():
    desk = Desk(paper=False).quote(100)
    limit(desk)
    order = desk.order.client_order_id
    for _ in range(2):
        desk.intent(Purpose.CANCEL, client_order_id=order)
    assert desk.broker.cancelled == [order]
    desk.answer(order, OrderStatus.CANCELLED)
    late = desk.intent(Purpose.CANCEL, client_order_id=order)
    assert desk.decision(late) == ("denied", "The order was closed already.")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"running": False}, "The bot does not run."),
        ({"stop": 1}, "A stop is in force: no new entries."),
        ({"stop": 2}, "A stop is in force: reduce only."),
        ({"stop": 1, "barred": "The account is paused."}, "The account is paused."),
    ],
)
def test_a_bot_that_stops_takes_back_what_was_entered_by_hand_and_says_why(changes, reason):
    desk = Desk().quote(100)
    entry = limit(desk)
    desk.bot(**changes)
    assert desk.decision(entry) == ("expired", reason)
    assert not desk.state.orders
