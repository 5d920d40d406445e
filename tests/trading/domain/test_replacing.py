"""Cancel and replace: never two live orders of one entry, and what the old one filled counts."""

from decimal import Decimal as D

import pytest

from tests.trading.domain.desk import BOT, PLAN, Desk, books_hold
from trading.domain.replacing import CHANGED
from trading.domain.types import CashMoved, OrderStatus, OrderType, PositionStatus, Purpose, StopLevel


def resting(paper=False, **changes):
    """A limit order by hand: 2 BTC at 99."""
    desk = Desk(paper=paper, **changes).quote(100)
    entry = desk.intent(Purpose.MANUAL_ENTRY, amount_quote=D(198), limit_price=D(99))
    if not paper:
        desk.answer(desk.order.client_order_id)
    return desk, entry, desk.order.client_order_id


def change(desk, order, **values):
    return desk.intent(Purpose.REPLACE, client_order_id=order, **values)


def test_the_new_order_is_sent_once_the_old_one_is_proved_gone():
    desk, entry, old = resting()
    intent = change(desk, old, limit_price=D("98.005"))
    assert desk.broker.cancelled == [old]
    assert desk.broker.sent == [old]
    assert desk.decision(intent) is None
    desk.answer(old, OrderStatus.UNKNOWN)
    assert len(desk.broker.sent) == 1, "unclear is not gone"
    desk.answer(old, OrderStatus.CANCELLED)
    assert desk.decision(intent) == ("done", "")
    assert (desk.order.intent_id, desk.order.leg, desk.order.price) == (entry, 1, D("98"))  # down to the tick
    assert (desk.order.amount, desk.order.type) == (D(2), OrderType.LIMIT)
    assert desk.decision(entry) is None


def test_fills_of_the_old_one_in_between_count():
    desk, _entry, old = resting()
    change(desk, old, amount=D("1.5"))
    desk.fill(old, "0.6", 99).answer(old, OrderStatus.CANCELLED)
    assert (desk.order.amount, desk.order.price) == (D("0.9"), D(99))
    desk.fill(desk.order.client_order_id, "0.9", 99, "t2")
    assert desk.position.bought == D("1.5")
    books_hold(desk)


def test_an_order_that_filled_first_is_not_replaced():
    desk, entry, old = resting()
    intent = change(desk, old, limit_price=D(98))
    desk.fill(old, 2, 99)
    assert desk.decision(intent) == ("denied", "The order was filled before it could be changed.")
    assert desk.decision(entry) == ("done", "")
    assert not desk.state.orders


@pytest.mark.parametrize(
    ("between", "why"),
    [
        (lambda desk: desk.bot(stop=StopLevel.NO_NEW_ENTRIES), "A stop is in force: no new entries."),
        (lambda desk: desk.bot(running=False), "The bot does not enter any more."),
    ],
)
def test_a_stop_in_between_refuses_the_new_one(between, why):
    desk, entry, old = resting()
    intent = change(desk, old, limit_price=D(98))
    between(desk)
    desk.answer(old, OrderStatus.CANCELLED)
    assert desk.decision(intent) == ("denied", why)
    assert desk.decision(entry)[0] == "expired"
    assert desk.last.status is PositionStatus.CANCELLED


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"amount": D("0.01")}, "is below the smallest order"),
        ({"amount": D(20), "limit_price": D(99)}, "It needs 1980 USDT; 1000 USDT are free for it."),
    ],
)
def test_what_cannot_be_bought_is_refused_before_the_old_order_is_touched(values, why):
    desk, entry, old = resting()
    intent = change(desk, old, **values)
    assert why in desk.decision(intent)[1]
    assert not desk.broker.cancelled
    assert (desk.order.client_order_id, desk.decision(entry)) == (old, None)
    change(desk, old, amount=D(10), limit_price=D(99))  # what the old one reserves is free for the new one
    assert desk.broker.cancelled == [old]


def test_money_that_went_while_the_cancel_was_under_way_refuses_the_new_one():
    desk, entry, old = resting()
    intent = change(desk, old, amount=D(10))
    desk.feed(CashMoved(desk.now, "USDT", D(-500), "withdrawn"))
    desk.answer(old, OrderStatus.CANCELLED)
    assert desk.decision(intent) == ("denied", "It needs 990 USDT; 500 USDT are free for it.")
    assert desk.decision(entry) == ("expired", CHANGED)
    assert not desk.state.orders


def test_a_cancel_by_hand_ends_a_change():
    desk, _entry, old = resting()
    intent = change(desk, old, limit_price=D(98))
    cancel = desk.intent(Purpose.CANCEL, client_order_id=old)
    desk.answer(old, OrderStatus.CANCELLED)
    assert (desk.decision(intent)[0], desk.decision(cancel)[0]) == ("denied", "done")
    assert desk.broker.sent == [old]


def test_only_a_resting_limit_order_is_changed_and_only_once():
    desk, _entry, old = resting()
    first = change(desk, old, limit_price=D(98))
    desk.intent(Purpose.REPLACE, intent_id=first, client_order_id=old, limit_price=D(98))  # taken again after a kill
    assert desk.broker.cancelled == [old]
    assert desk.decision(change(desk, old, limit_price=D(97)))[1] == "Its cancel was asked for already."
    assert desk.decision(change(desk, "none"))[1] == "The order was closed already."
    maker = Desk(paper=False, plan=PLAN, entry_type=OrderType.LIMIT_MAKER).quote(100)
    maker.intent(bot_id=BOT)
    refused = change(maker, maker.order.client_order_id, limit_price=D(98))
    assert maker.decision(refused)[1] == "Only a limit order that waits to buy can be changed."


def test_on_paper_the_change_is_immediate():
    desk, _entry, old = resting(paper=True)
    change(desk, old, limit_price=D(101))
    assert desk.position.bought == 2  # the new price reaches the ask
    books_hold(desk)
