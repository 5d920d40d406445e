"""The engine's life of a trade, and what it does with answers that should not have come."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from tests.trading.domain.desk import BOT, BTC, OTHER_BOT, PLAN, Desk, books_hold
from trading.domain.engine import step
from trading.domain.money import average_round
from trading.domain.types import (
    CashMoved,
    InstrumentSeen,
    OrderStatus,
    OrderType,
    PlanApplied,
    PositionStatus,
    Purpose,
    StopLevel,
)

MAKER = {"entry_type": OrderType.LIMIT_MAKER}


def bought(**changes):
    desk = Desk(**changes).quote(100)
    desk.intent()
    return desk


def silent_entry(**changes):
    desk = Desk(paper=False, **changes).quote(100)
    intent = desk.intent()
    return desk, intent, desk.order.client_order_id


def test_a_market_entry_buys_capital_per_trade_rounded_down_to_the_lot():
    desk = bought()
    position = desk.position
    assert position.bought == D("1.999")  # 200 / 100.01 = 1.9998
    assert position.amount == D("1.999") * D("0.999")  # the fee is taken in base currency
    assert position.fees_quote == D("1.999") * D("0.001") * D("100.01")
    assert position.fees_cash == 0
    assert position.stop_price == D("99.01")
    assert position.target_price == D("101.02")
    assert position.hold_until == desk.now + timedelta(seconds=600)
    assert desk.state.balances["USDT"] == D(1000) - D("1.999") * D("100.01")
    books_hold(desk)


@pytest.mark.parametrize(
    ("bid", "reason"), [(D("101.02"), "take_profit"), (D("99.01"), "stop_loss"), (D("90"), "stop_loss")]
)
def test_a_touched_level_sells_all_that_one_order_can(bid, reason):
    desk = bought().later(10).quote(bid)
    assert not desk.state.positions
    assert desk.last.close_reason == reason
    assert desk.last.sold == D("1.997")  # 1.997001 floored to the lot
    assert desk.last.dust == D("0.000001")
    sold = D("1.997") * bid
    cost = average_round(D("1.999") * D("100.01") * D("0.000001") / D("1.997001"))  # of the dust, which is owned still
    assert desk.last.dust_cost == cost
    assert desk.last.realised_pnl == sold - sold * D("0.001") - (D("1.999") * D("100.01") - cost)
    assert desk.state.balances["USDT"] == 1000 + desk.last.realised_pnl - cost
    books_hold(desk)


def test_the_holding_time_ends_a_position():
    desk = bought().mark(599)
    assert desk.position.status is PositionStatus.OPEN
    desk.mark(1)
    assert desk.last.close_reason == "holding_time"


def test_an_exit_intent_closes_and_a_second_one_finds_nothing():
    desk = bought()
    first, second = desk.intent(Purpose.EXIT), desk.intent(Purpose.EXIT)
    assert desk.decision(first) == ("done", "")
    assert desk.decision(second) == ("denied", "There is no open position in BTC/USDT to close.")


def test_a_partly_filled_exit_keeps_selling_on_the_next_quotes():
    desk = bought().later(10).quote(102, size=1)
    assert desk.position.status is PositionStatus.CLOSING
    assert desk.order.filled == 1
    desk.later(1).quote(103, size=1)
    assert desk.last.status is PositionStatus.CLOSED
    assert desk.last.sell_proceeds == D(102) + D("0.997") * 103
    books_hold(desk)


def test_a_maker_entry_rests_at_the_bid_and_gives_up_after_its_time():
    desk = bought(**MAKER)
    assert (desk.order.price, desk.order.type) == (D(100), OrderType.LIMIT_MAKER)
    intent = desk.order.intent_id
    desk.mark(59)
    assert desk.state.orders
    desk.mark(1)
    assert not desk.state.orders
    assert desk.last.status is PositionStatus.CANCELLED
    assert desk.decision(intent)[0] == "expired"
    assert desk.state.balances == {"USDT": D(1000)}


def test_a_maker_entry_fills_at_its_price_when_the_ask_comes_down():
    desk = bought(**MAKER).later(5).quote(99.98, 100)
    assert desk.position.buy_cost == D(2) * 100
    assert desk.results.fills[0][1].maker


def test_a_timed_out_maker_entry_may_take_the_rest_as_its_next_leg():
    desk = bought(**MAKER, taker_after_timeout=True).later(5).quote(99.98, 100, size="0.5")
    desk.quote(100)
    intent = desk.order.intent_id
    desk.mark(60)
    assert [order.leg for order in desk.results.orders.values()] == [0, 1]
    assert desk.position.bought == 2
    assert desk.position.buy_cost == D("0.5") * 100 + D("1.5") * D("100.01")
    assert desk.decision(intent) == ("done", "")
    books_hold(desk)


def test_a_timed_out_maker_entry_takes_nothing_once_a_stop_is_in_force():
    desk = bought(**MAKER, taker_after_timeout=True)
    desk.bot(plan=replace(PLAN, **MAKER, taker_after_timeout=True), stop=StopLevel.NO_NEW_ENTRIES)
    assert not desk.state.orders
    assert len(desk.results.orders) == 1


def test_the_rest_is_not_taken_when_a_stop_came_before_the_answer_to_the_cancel():
    plan = replace(PLAN, **MAKER, taker_after_timeout=True)
    desk, _, order = silent_entry(**MAKER, taker_after_timeout=True)
    desk.answer(order).mark(60).bot(plan=plan, stop=StopLevel.NO_NEW_ENTRIES)
    desk.quote(100).answer(order, OrderStatus.CANCELLED)
    assert desk.broker.sent == [order]
    assert desk.last.status is PositionStatus.CANCELLED


def test_a_stop_takes_back_resting_entries_and_flatten_closes_positions():
    desk = bought().bot(OTHER_BOT, plan=replace(PLAN, **MAKER)).quote(100)
    desk.intent(bot_id=OTHER_BOT)
    desk.bot(OTHER_BOT, plan=replace(PLAN, **MAKER), stop=StopLevel.NO_NEW_ENTRIES)
    assert not desk.state.orders
    assert len(desk.state.positions) == 1
    desk.bot(stop=StopLevel.REDUCE_ONLY)
    assert len(desk.state.positions) == 1
    desk.bot(stop=StopLevel.FLATTEN)
    assert not desk.state.positions
    assert desk.results.trades()[0].close_reason == "force_exit"


def test_an_exit_waits_for_the_open_entry_to_be_cancelled():
    desk, intent, order = silent_entry(**MAKER)
    desk.answer(order).fill(order, "0.5")
    out = desk.intent(Purpose.FORCE_EXIT)
    assert desk.broker.cancelled == [order]
    assert desk.broker.sent == [order]
    desk.answer(order, OrderStatus.CANCELLED)
    assert desk.decision(intent) == ("done", "")
    exit_order = desk.order
    assert (exit_order.amount, exit_order.side) == (D("0.5"), "sell")
    desk.fill(exit_order.client_order_id, "0.5", 101, "t2")
    assert desk.decision(out) == ("done", "")
    books_hold(desk)


def test_an_entry_that_never_filled_is_cancelled_with_its_exit_done():
    desk, _, order = silent_entry(**MAKER)
    out = desk.intent(Purpose.EXIT)
    desk.answer(order, OrderStatus.CANCELLED)
    assert desk.last.status is PositionStatus.CANCELLED
    assert desk.decision(out) == ("done", "The entry was cancelled before any fill.")


def test_a_refused_exit_is_tried_again_with_growing_pauses_and_new_ids():
    desk, _, order = silent_entry()
    desk.fill(order, "1.999", 100)
    desk.later(1).quote(90)
    tried = []
    for pause in (5, 10, 20):
        tried.append(desk.order.client_order_id)
        desk.answer(tried[-1], OrderStatus.REJECTED, "maintenance")
        desk.mark(pause - 1)
        assert not desk.state.orders
        desk.mark(1)
    tried.append(desk.order.client_order_id)
    assert len(set(tried)) == 4
    assert len({o.intent_id for o in desk.results.orders.values() if o.side == "sell"}) == 1
    desk.fill(tried[-1], "1.999", 90, "t9")
    assert desk.last.status is PositionStatus.CLOSED


def test_a_force_exit_does_not_wait_for_the_pause():
    desk, _, order = silent_entry()
    desk.fill(order, "1.999", 100)
    desk.later(1).quote(90)
    desk.answer(desk.order.client_order_id, OrderStatus.REJECTED)
    intent = desk.intent(Purpose.FORCE_EXIT)
    assert desk.order.leg == 1
    assert desk.decision(intent) == ("done", "Already closing (stop_loss).")


def test_an_unknown_order_is_never_sent_again_by_the_engine():
    desk, _, order = silent_entry()
    desk.answer(order, OrderStatus.UNKNOWN)
    desk.mark(3600)
    assert desk.broker.sent == [order]
    assert desk.order.status is OrderStatus.UNKNOWN


def test_a_fill_before_the_acknowledgement_counts():
    desk, _, order = silent_entry()
    desk.fill(order, "0.5")
    assert desk.order.status is OrderStatus.ACTIVE
    desk.answer(order)
    desk.fill(order, "1.499", trade_id="t2").answer(order)
    assert not desk.state.orders
    assert desk.position.amount == D("1.999")


def test_a_trade_id_seen_before_changes_nothing():
    desk, _, order = silent_entry()
    desk.fill(order, "0.5").fill(order, "0.5").fill(order, "0.7")
    assert desk.order.filled == D("0.5")
    desk.fill(order, "1.499", trade_id="t2").fill(order, "0.5")
    assert desk.position.bought == D("1.999")
    books_hold(desk)


def test_a_late_fill_after_a_cancel_opens_the_position_again():
    desk, intent, order = silent_entry(**MAKER)
    desk.mark(60).answer(order, OrderStatus.CANCELLED)
    assert desk.last.status is PositionStatus.CANCELLED
    desk.later(1).fill(order, "0.5")
    assert desk.position.status is PositionStatus.OPEN
    assert desk.state.closed_orders[order].status is OrderStatus.CANCELLED
    assert desk.position.stop_price == D("99.00")
    desk.later(1).quote(98)
    desk.fill(desk.order.client_order_id, "0.5", 98, "t2")
    assert desk.last.realised_pnl == -1
    assert desk.decision(intent)[0] == "expired"
    books_hold(desk)


def test_a_late_buy_beside_a_newer_position_becomes_dust_of_the_old_one():
    desk, _, order = silent_entry(**MAKER)
    desk.mark(60).answer(order, OrderStatus.CANCELLED).quote(100)
    desk.intent()
    desk.fill(order, "0.5")
    old = next(p for p in desk.results.positions.values() if p.dust)
    assert (old.status, old.dust, old.amount) == (PositionStatus.CLOSED, D("0.5"), 0)
    assert len(desk.state.positions) == 1
    books_hold(desk)


def test_a_late_sell_takes_back_what_another_exit_still_offers():
    desk, _, order = silent_entry()
    desk.fill(order, "1.999")
    desk.later(1).quote(90)
    first = desk.order.client_order_id
    desk.answer(first, OrderStatus.CANCELLED).mark(5)
    second = desk.order.client_order_id
    desk.fill(first, "1.999", 90, "t2")
    assert desk.broker.cancelled == [second]
    desk.answer(second, OrderStatus.CANCELLED)
    assert desk.last.status is PositionStatus.CLOSED
    assert (desk.last.amount, desk.last.dust) == (0, 0)
    books_hold(desk)


def test_an_order_found_after_it_was_given_up_is_taken_back():
    desk, _, order = silent_entry()
    desk.answer(order, OrderStatus.REJECTED, "absent")
    assert desk.last.status is PositionStatus.CANCELLED
    desk.answer(order, OrderStatus.ACTIVE)
    assert desk.broker.cancelled == [order]


def test_answers_for_orders_that_are_not_ours_change_nothing():
    desk, _, _order = silent_entry()
    before = (dict(desk.state.balances), desk.order.status)
    desk.fill("stranger", "1").answer("stranger")
    assert (desk.state.balances, desk.order.status) == before
    assert not desk.results.fills


def test_a_fill_that_makes_no_sense_is_left_out():
    desk, _, order = silent_entry()
    desk.fill(order, "-1").fill(order, "1", price=0, trade_id="t2")
    assert not desk.results.fills


@pytest.mark.parametrize(
    ("fee", "currency", "amount", "fees_quote", "cash"),
    [
        ("0.002", "BTC", "1.997", "0.2", "0"),
        ("0.2", "USDT", "1.999", "0.2", "0.2"),
        ("0.001", "BNB", "1.999", "0.4", "0.4"),
        ("-0.1", "USDT", "1.999", "-0.1", "-0.1"),
        ("5", "XYZ", "1.999", "0", "0"),
    ],
)
def test_fees_in_any_coin_are_accounted(fee, currency, amount, fees_quote, cash):
    desk = Desk(paper=False).quote(400, symbol="BNB/USDT").quote(100)
    desk.intent()
    desk.fill(desk.order.client_order_id, "1.999", fee=fee, fee_currency=currency)
    position = desk.position
    assert (position.amount, position.fees_quote, position.fees_cash) == (D(amount), D(fees_quote), D(cash))
    books_hold(desk)


def test_a_sells_fee_in_the_sold_coin_comes_out_of_the_rest_of_the_balance():
    """As with the exchange's own coin, when that coin itself is traded: the position sells all that it holds."""
    desk = Desk(paper=False).quote(100)
    desk.intent()
    desk.fill(desk.order.client_order_id, "1.999", fee="0", fee_currency="USDT").intent(Purpose.FORCE_EXIT)
    order, position = desk.order, desk.position
    desk.fill(order.client_order_id, "1", fee="0.002", fee_currency="BTC", trade_id="s1")
    assert not order.cancel_requested
    desk.fill(order.client_order_id, "0.999", fee="0.001", fee_currency="BTC", trade_id="s2")
    assert (position.status, position.dust, position.fees_cash) == (PositionStatus.CLOSED, 0, D("0.3"))
    assert position.realised_pnl == D("-0.3")
    books_hold(desk)


def test_what_is_below_the_smallest_order_is_written_off():
    desk, _, order = silent_entry(**MAKER)
    desk.fill(order, "0.01").mark(60).answer(order, OrderStatus.CANCELLED)
    intent = desk.intent(Purpose.EXIT)
    assert desk.decision(intent) == ("done", "")
    assert (desk.last.status, desk.last.dust, desk.last.dust_cost) == (PositionStatus.CLOSED, D("0.01"), D(1))
    assert desk.last.realised_pnl == 0, "nothing was sold: all of it is owned still"


def test_an_intent_taken_twice_is_decided_once():
    desk = bought()
    first = desk.position.intent_id
    desk.intent(intent_id=first)
    assert len(desk.results.orders) == 1


def test_money_moved_twice_with_one_reference_counts_once_and_moves_the_peak():
    desk = bought()
    peak = desk.state.peak_equity
    for _ in range(2):
        desk.feed(CashMoved(desk.now, "USDT", D(500), "deposit 1"))
    assert desk.state.peak_equity == peak + 500
    assert sum(e.amount for e in desk.results.ledger if e.kind == "deposit") == 1500


def test_a_new_plan_moves_the_levels_of_an_open_position():
    desk = bought()
    plan = replace(PLAN, stop_loss=D("0.05"), holding_time=timedelta(seconds=60))
    desk.feed(PlanApplied(desk.now, desk.position.position_id, plan))
    assert desk.position.stop_price == D("95.01")
    desk.mark(60)
    assert desk.last.close_reason == "holding_time"


def test_a_position_larger_than_the_largest_order_is_sold_in_several():
    desk = bought()
    desk.feed(InstrumentSeen(desk.now, replace(BTC, max_amount=D(1))))
    desk.intent(Purpose.EXIT)
    assert [o.amount for o in desk.results.orders.values()][1:] == [D(1), D("0.997")]
    assert desk.last.status is PositionStatus.CLOSED


def test_a_thing_that_is_no_event_raises():
    with pytest.raises(TypeError, match="no event"):
        step(Desk().state, "buy")


def test_ids_are_the_same_every_time_and_fit_every_exchange():
    ids = [list(bought().results.orders) for _ in range(2)]
    assert ids[0] == ids[1]
    assert len(ids[0][0]) <= 32
    assert ids[0][0].isalnum()
    assert ids[0][0] == ids[0][0].lower()
    assert bought().position.bot_id == BOT


def test_each_failed_look_up_of_an_unknown_order_is_told():
    desk, _, order = silent_entry()
    for words in ("time-out", "unreachable"):
        desk.answer(order, OrderStatus.UNKNOWN, words)
        assert desk.results.orders[order].reason == words
