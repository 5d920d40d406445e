"""A stop that rests at the exchange: alone with its coins, of the right size, and never taken for more than it is."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

from tests.trading.domain.desk import BTC, PLAN, Desk
from trading.domain.plan_levels import PlanLevels
from trading.domain.types import InstrumentSeen, OrderAnswered, OrderStatus, OrderType, Purpose


def bought(spec=BTC, holds=True, pairs=False):
    """2 BTC bought at 100 under a plan whose stop (99) rests at the exchange, in `pairs` with its target (102)."""
    desk = Desk(paper=False, plan=replace(PLAN, levels=PlanLevels(at_exchange=True)))
    desk.feed(InstrumentSeen(desk.now, replace(spec, holds_stops=holds, holds_pairs=pairs))).quote("99.99")
    desk.intent(Purpose.ENTRY)
    entry = desk.order.client_order_id
    desk.answer(entry).fill(entry, desk.order.amount)
    return desk


def stop_of(desk):
    return next(o for o in desk.state.orders.values() if o.purpose is Purpose.PROTECT)


def held(desk):
    return next(iter(desk.state.positions.values()))


def test_it_is_placed_with_the_last_fill_of_the_entry():
    stop = stop_of(bought())
    assert (stop.type, stop.price, stop.amount) == (OrderType.STOP, D("99"), D("2"))


def test_none_is_placed_where_the_exchange_holds_none():
    assert bought(holds=False).state.orders == {}


def test_an_exit_waits_until_it_is_proved_gone():
    desk = bought()
    stop = stop_of(desk).client_order_id
    desk.answer(stop)
    exit_ = desk.intent(Purpose.EXIT)
    assert desk.broker.cancelled == [stop] and desk.broker.sent[-1] == stop
    desk.answer(stop, OrderStatus.UNKNOWN)
    assert desk.broker.sent[-1] == stop, "unclear is not gone"
    desk.answer(stop, OrderStatus.CANCELLED)
    (sale,) = desk.state.orders.values()
    assert (sale.intent_id, sale.type, sale.amount) == (exit_, OrderType.MARKET, D(2))


def test_what_it_sold_on_the_way_out_is_not_sold_again():
    desk = bought()
    stop = stop_of(desk).client_order_id
    desk.answer(stop)
    exit_ = desk.intent(Purpose.EXIT)
    desk.fill(stop, "2", price=99, trade_id="t2")
    assert desk.state.orders == {} and desk.state.positions == {}
    assert desk.decision(exit_) == ("done", "")


def test_a_filled_stop_closes_the_position_as_a_stop_loss():
    desk = bought()
    stop = stop_of(desk).client_order_id
    desk.answer(stop).fill(stop, "2", price=99, trade_id="t2")
    (closed,) = desk.state.closed_positions.values()
    assert (closed.close_reason, closed.amount) == ("stop_loss", D(0))


def test_it_is_replaced_when_what_is_held_changed():
    desk = bought()
    old = stop_of(desk).client_order_id
    desk.answer(old).fill(old, "0.5", price=99, trade_id="t2")
    held(desk).amount += 1  # a late fill of the entry
    desk.state.balances["BTC"] += 1
    desk.mark()
    assert desk.broker.cancelled == [old]
    desk.answer(old, OrderStatus.CANCELLED)
    assert stop_of(desk).client_order_id != old and stop_of(desk).amount == D("2.5")


def test_refused_or_ended_by_others_the_platform_holds_the_level_and_tries_again_later():
    for status in (OrderStatus.REJECTED, OrderStatus.CANCELLED, OrderStatus.EXPIRED):
        desk = bought()
        first = stop_of(desk).client_order_id
        desk.answer(first, status)
        desk.mark(60)
        assert desk.state.orders == {}
        desk.quote("98.99")
        assert next(iter(desk.state.orders.values())).purpose is Purpose.STOP_LOSS
        desk = bought()
        desk.answer(stop_of(desk).client_order_id, status)
        desk.later(timedelta(minutes=6).total_seconds()).mark()
        assert stop_of(desk).client_order_id != first


def test_a_part_sold_by_hand_waits_for_the_stop_and_the_rest_is_covered_again():
    desk = bought()
    stop = stop_of(desk).client_order_id
    desk.answer(stop)
    part = desk.intent(Purpose.REDUCE, share=D("0.5"))
    assert (desk.broker.cancelled, desk.broker.sent[-1], desk.decision(part)) == ([stop], stop, None)
    desk.answer(stop, OrderStatus.CANCELLED)
    (sale,) = desk.state.orders.values()
    assert (sale.intent_id, sale.type, sale.amount) == (part, OrderType.MARKET, D(1))
    desk.answer(sale.client_order_id).fill(sale.client_order_id, "1", price="99.98", trade_id="t2")
    assert desk.decision(part) == ("done", "")
    desk.mark()
    assert stop_of(desk).amount == D(1)


def test_a_part_is_refused_when_the_stop_sold_everything_first():
    desk = bought()
    stop = stop_of(desk).client_order_id
    desk.answer(stop)
    part = desk.intent(Purpose.REDUCE, share=D("0.5"))
    desk.fill(stop, "2", price=99, trade_id="t2")
    assert desk.state.positions == {} and desk.decision(part) == ("denied", "The stop at the exchange sold first.")


def test_a_part_is_refused_when_an_exit_comes_before_the_stop_is_gone():
    desk = bought()
    stop = stop_of(desk).client_order_id
    desk.answer(stop)
    part = desk.intent(Purpose.REDUCE, share=D("0.5"))
    desk.intent(Purpose.EXIT)
    desk.answer(stop, OrderStatus.CANCELLED)
    (sale,) = desk.state.orders.values()
    assert sale.amount == D(2) and desk.decision(part) == ("denied", "The position is being closed.")


def test_a_pair_names_the_target_and_is_one_order():
    desk = bought(pairs=True)
    stop = stop_of(desk)
    assert (stop.type, stop.price, stop.target) == (OrderType.STOP, D("99"), held(desk).target_price)
    assert len(desk.state.orders) == 1


def test_the_price_tells_which_leg_of_a_pair_has_sold():
    for price, reason in (
        ("99", "stop_loss"),
        ("97", "stop_loss"),
        ("target", "take_profit"),
        ("slipped", "take_profit"),
    ):
        desk = bought(pairs=True)
        stop, target = stop_of(desk).client_order_id, held(desk).target_price
        got = {"target": target, "slipped": target - D("0.2")}.get(price) or D(price)
        desk.answer(stop).fill(stop, "2", price=got, trade_id="t2")
        (closed,) = desk.state.closed_positions.values()
        assert (closed.close_reason, desk.state.orders) == (reason, {})


def test_what_a_target_left_is_taken_back_and_covered_again():
    desk = bought(pairs=True)
    old, target = stop_of(desk).client_order_id, held(desk).target_price
    desk.answer(old).fill(old, "0.5", price=target, trade_id="t2")
    desk.mark()
    assert desk.broker.cancelled == [old] and desk.broker.sent[-1] == old, "the new one waits until it is gone"
    desk.answer(old, OrderStatus.CANCELLED)
    new = stop_of(desk)
    assert (new.client_order_id != old, new.amount, new.target) == (True, D("1.5"), target)


def test_a_pair_that_is_refused_is_tried_as_the_stop_alone_and_stays_so():
    desk = bought(pairs=True)
    desk.answer(stop_of(desk).client_order_id, OrderStatus.REJECTED)
    alone = stop_of(desk)
    assert (alone.target, alone.price) == (None, D("99"))
    desk.answer(alone.client_order_id).mark(60)
    assert desk.broker.cancelled == [] and stop_of(desk) is alone
    desk.feed(OrderAnswered(desk.now, alone.client_order_id, OrderStatus.CANCELLED))
    assert desk.state.orders == {}, "ended by others: the platform holds the level for a while"


def test_a_touched_target_has_the_pair_taken_back_and_nothing_sold_beside_it():
    desk = bought(pairs=True)
    pair, target = stop_of(desk).client_order_id, held(desk).target_price
    desk.answer(pair).quote(str(target))
    assert (desk.broker.cancelled, desk.broker.sent[-1]) == ([pair], pair)
    desk.fill(pair, "2", price=target, trade_id="t2")
    assert desk.state.positions == {} and desk.state.orders == {}
    (closed,) = desk.state.closed_positions.values()
    assert closed.close_reason == "take_profit"
