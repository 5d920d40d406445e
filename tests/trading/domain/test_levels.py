"""Levels that move, steps out and steps in, parts sold by hand: all held by the platform."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from tests.trading.domain.desk import PLAN, Desk, books_hold
from trading.domain.types import (
    AddStep,
    OrderStatus,
    OrderType,
    PlanApplied,
    PlanLevels,
    PositionStatus,
    ProfitStep,
    Purpose,
    StopKind,
    StopLevel,
)

FAR = {"profit_target": D("0.5"), "stop_loss": D("0.05")}
STEPS = (ProfitStep(D("0.02"), D("0.5")), ProfitStep(D("0.04"), D("0.25")))
ADDS = (AddStep(D("0.01"), D(1)), AddStep(D("0.02"), D("1.5")))


def bought(paper=True, cash=10_000, changes=None, **levels):
    plan = replace(PLAN, **{**FAR, **(changes or {})}, levels=PlanLevels(**levels))
    desk = Desk(plan=plan, cash=cash, paper=paper).quote(100)
    desk.intent()
    return desk


def test_a_trailing_stop_follows_the_bid_in_steps_of_a_fifth_of_its_distance():
    desk = bought(trailing=D("0.02")).later(1)
    assert (desk.position.stop_price, desk.position.stop_kind) == (D("95.01"), StopKind.PLAN)
    desk.quote(100)  # not above the entry yet
    assert desk.position.stop_kind is StopKind.PLAN
    desk.quote("100.01")
    assert (desk.position.stop_price, desk.position.stop_kind) == (D("98.01"), StopKind.TRAILING)
    step = D("0.41")  # a fifth of 2 % of 100.01, up to the tick
    assert desk.position.raise_price == D("100.43")  # (98.01 + 0.41) / 0.98, up to the tick
    desk.quote("100.42")
    assert desk.position.stop_price == D("98.01")
    desk.quote("100.43")
    assert desk.position.stop_price >= D("98.01") + step
    desk.quote(110).quote(108)
    assert desk.position.stop_price == D("107.80")
    desk.quote("107.80")
    assert desk.last.close_reason == "stop_loss"
    assert desk.last.realised_pnl > 0
    books_hold(desk)


def test_a_trailing_stop_waits_for_its_gain():
    desk = bought(trailing=D("0.02"), trailing_after=D("0.03")).quote(103)
    assert desk.position.stop_kind is StopKind.PLAN
    desk.quote("103.02")  # 3 % above 100.01, up to the tick
    assert desk.position.stop_price == D("100.96")


def test_breakeven_covers_the_fees_of_both_ways():
    desk = bought(breakeven_after=D("0.01")).quote(101)
    assert desk.position.stop_kind is StopKind.PLAN
    desk.quote("101.02")
    assert desk.position.stop_kind is StopKind.BREAKEVEN
    assert desk.position.stop_price == D("100.22")  # 100.01 / 0.999 / 0.999, up to the tick


def test_breakeven_sells_without_a_loss():
    desk = bought(breakeven_after=D("0.01")).quote("101.02")
    level = desk.position.stop_price
    desk.quote(level)
    assert desk.last.close_reason == "stop_loss"
    dust = desk.last.dust * level
    assert 0 <= desk.last.realised_pnl + dust < D("0.03")


def test_another_plan_gives_up_a_raised_stop():
    desk = bought(trailing=D("0.02")).quote(110)
    assert desk.position.stop_price == D("107.80")
    desk.feed(PlanApplied(desk.now, desk.position.position_id, replace(desk.position.plan, stop_loss=D("0.03"))))
    assert (desk.position.stop_price, desk.position.stop_kind) == (D("97.01"), StopKind.PLAN)


def test_profit_steps_sell_their_shares_and_the_rest_runs_on():
    desk = bought(profit_steps=STEPS, changes={"profit_target": D("0.06")})
    whole = desk.position.amount
    assert desk.position.step_price == D("102.02")
    desk.quote("102.02")
    assert desk.position.status is PositionStatus.OPEN
    assert desk.position.sold == D("0.998")  # 0.5 * 1.997001, down to the lot
    assert (desk.position.steps_taken, desk.position.step_price) == (1, D("104.02"))
    desk.quote("104.02")
    assert desk.position.sold == D("0.998") + D("0.499")  # a quarter of all that was held
    assert desk.position.step_price is None
    assert desk.position.realised_pnl > 0
    desk.quote("106.02")
    assert desk.last.close_reason == "take_profit"
    assert desk.last.sold + desk.last.dust == whole
    assert [o.purpose for o in desk.results.orders.values()] == ["entry", "profit_step", "profit_step", "take_profit"]
    assert {d.status for d in desk.results.decided.values()} == {"done"}
    books_hold(desk)


def test_a_last_step_that_leaves_too_little_sells_all():
    steps = (ProfitStep(D("0.02"), D("0.99")),)  # 1 % of 200 is below the smallest order of 5
    desk = bought(profit_steps=steps).quote("102.02")
    assert desk.last.status is PositionStatus.CLOSED
    assert desk.last.close_reason == "take_profit"


def test_a_step_below_the_smallest_order_is_passed_over():
    desk = bought()
    plan = replace(desk.position.plan, levels=PlanLevels(profit_steps=(ProfitStep(D("0.02"), D("0.01")),)))
    desk.feed(PlanApplied(desk.now, desk.position.position_id, plan)).quote("102.02")
    assert desk.position.sold == 0
    assert desk.position.steps_taken == 1
    assert desk.position.step_price is None


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        ({"profit_steps": (ProfitStep(D("0.02"), D("0.01")),)}, "Profit step 1 would sell 0.019 BTC"),
        ({"add_steps": (AddStep(D("0.01"), D("0.02")),)}, "Step in 1 would spend 4 USDT"),
    ],
)
def test_an_entry_whose_steps_could_not_be_traded_is_refused(levels, words):
    desk = bought(**levels)
    assert not desk.results.orders
    assert desk.results.denied[0].reason.startswith(words)


def test_a_stop_cancels_a_step_that_is_at_work_and_sells_the_rest():
    desk = bought(profit_steps=STEPS).quote("102.02", size="0.5")
    assert desk.order.purpose is Purpose.PROFIT_STEP
    desk.quote("95.01", size="1000")
    assert desk.last.status is PositionStatus.CLOSED
    assert desk.last.close_reason == "stop_loss"
    books_hold(desk)


def test_a_maker_step_waits_and_then_takes_the_market():
    desk = bought(profit_steps=STEPS, maker_exit=True).quote("102.02")
    assert (desk.order.type, desk.order.price) == (OrderType.LIMIT_MAKER, D("102.03"))
    desk.mark(59)
    assert desk.order.type is OrderType.LIMIT_MAKER
    desk.mark(1)
    assert [(o.leg, o.type) for o in desk.results.orders.values()][1:] == [(0, "limit_maker"), (1, "market")]
    assert desk.position.sold == D("0.998")
    books_hold(desk)


def test_a_maker_exit_rests_at_the_ask_and_a_fall_to_the_stop_ends_its_wait():
    desk = bought(maker_exit=True, changes={"profit_target": D("0.01")}).quote("101.02")
    assert (desk.order.type, desk.order.price) == (OrderType.LIMIT_MAKER, D("101.03"))
    desk.quote("95.01")
    assert desk.last.status is PositionStatus.CLOSED
    assert [o.type for o in desk.results.orders.values()][1:] == ["limit_maker", "market"]
    assert desk.last.close_reason == "take_profit"  # what began it
    books_hold(desk)


def test_a_maker_exit_that_fills_pays_the_maker_price():
    desk = bought(maker_exit=True, changes={"profit_target": D("0.01")}).quote("101.02").quote("101.03")
    assert desk.last.status is PositionStatus.CLOSED
    assert desk.results.fills[-1][1].maker
    assert desk.results.fills[-1][1].price == D("101.03")


def test_a_maker_exit_whose_time_is_over_takes_the_market():
    desk = bought(maker_exit=True, changes={"profit_target": D("0.01")}).quote("101.02").mark(60)
    assert desk.last.status is PositionStatus.CLOSED
    assert not desk.results.fills[-1][1].maker


def test_asking_for_the_exit_again_ends_a_makers_wait():
    desk = bought(maker_exit=True, changes={"profit_target": D("0.01")}).quote("101.02")
    again = desk.intent(Purpose.FORCE_EXIT)
    assert desk.decision(again) == ("done", "Already closing (take_profit).")
    assert desk.last.status is PositionStatus.CLOSED


def test_steps_in_buy_shares_of_the_first_entry_and_levels_follow_the_average():
    desk = bought(add_steps=ADDS)
    first = desk.position.buy_cost
    assert desk.position.add_price == D("99.00")  # 1 % below 100.01, down to the tick
    desk.quote("98.99", "99.00")
    second = desk.position.buy_cost - first
    assert first - 1 < second <= first
    assert desk.position.stop_price < D("95.01")
    assert desk.position.target_price < D("150.02")
    assert desk.position.add_price == D("98.00")  # counted from the first entry still
    desk.quote("97.99", "98.00")
    assert desk.position.buy_cost - first - second > first * D("1.49")
    assert desk.position.add_price is None
    assert [o.purpose for o in desk.results.orders.values()] == ["entry", "add", "add"]
    assert {d.status for d in desk.results.decided.values()} == {"done"}
    books_hold(desk)


def test_a_refused_step_in_is_stored_and_left_out():
    desk = bought(add_steps=ADDS, cash=210).quote("98.99", "99.00")
    (denial,) = desk.results.denied
    assert denial.rule == "capital"
    assert desk.position.adds_taken == 1
    assert len(desk.results.orders) == 1


def test_a_stop_of_new_entries_holds_steps_in_back():
    desk = bought(add_steps=ADDS)
    desk.bot(plan=desk.position.plan, stop=StopLevel.NO_NEW_ENTRIES).quote("98.99", "99.00")
    assert desk.results.denied[0].rule == "stop_ladder"
    assert len(desk.results.orders) == 1


def test_the_most_positions_do_not_hold_back_a_step_in():
    desk = bought(add_steps=ADDS, changes={"max_positions": 1}).quote("98.99", "99.00")
    assert not desk.results.denied
    assert desk.position.adds_taken == 1


def test_a_step_in_waits_for_the_entry():
    desk = bought(add_steps=ADDS, paper=False)
    order = desk.order.client_order_id
    desk.answer(order).fill(order, "1", 100)
    desk.quote("98.99", "99.00")
    assert len(desk.state.orders) == 1
    desk.fill(order, desk.order.remaining, 100, "t2").quote("98.98", "98.99")
    assert desk.order.purpose is Purpose.ADD


def test_a_stop_cancels_a_step_in_and_waits_for_its_answer():
    desk = bought(add_steps=ADDS, paper=False)
    order = desk.order.client_order_id
    desk.answer(order).fill(order, desk.order.amount, 100).quote("98.99", "99.00")
    step = desk.order.client_order_id
    desk.answer(step).quote("95")
    assert desk.broker.cancelled == [step]
    assert len(desk.broker.sent) == 2
    desk.fill(step, "0.5", "99", "t2").answer(step, OrderStatus.CANCELLED)
    assert desk.order.amount == desk.position.amount  # what the step still bought is sold along
    books_hold(desk)


@pytest.mark.parametrize(("given", "sold"), [({"share": D("0.5")}, "0.998"), ({"amount": D("0.7005")}, "0.7")])
def test_a_part_is_sold_by_hand(given, sold):
    desk = bought()
    intent = desk.intent(Purpose.REDUCE, **given)
    assert desk.decision(intent) == ("done", "")
    assert desk.position.sold == D(sold)
    assert desk.position.status is PositionStatus.OPEN
    books_hold(desk)


@pytest.mark.parametrize(
    ("given", "why"),
    [({"amount": D("0.0001")}, "less than one order can sell"), ({"share": D("0.01")}, "less than one order can sell")],
)
def test_a_part_that_no_order_can_sell_is_refused(given, why):
    desk = bought()
    intent = desk.intent(Purpose.REDUCE, **given)
    assert desk.decision(intent)[0] == "denied"
    assert why in desk.decision(intent)[1]


def test_a_part_that_leaves_too_little_closes_the_position():
    desk = bought()
    intent = desk.intent(Purpose.REDUCE, share=D("0.99"))
    assert desk.last.status is PositionStatus.CLOSED
    assert desk.last.close_reason == "force_exit"
    assert desk.decision(intent) == ("done", "")


def test_a_part_waits_for_no_other_order():
    desk = bought(paper=False)
    intent = desk.intent(Purpose.REDUCE, share=D("0.5"))
    assert desk.decision(intent)[1].startswith("Another order of this position is at work")
    order = desk.order.client_order_id
    desk.answer(order).fill(order, desk.order.amount, 100)
    first = desk.intent(Purpose.REDUCE, share=D("0.5"))
    desk.intent(Purpose.REDUCE, share=D("0.5"), intent_id=first)  # taken again after a killed run
    assert len(desk.broker.sent) == 2
    desk.answer(desk.order.client_order_id, OrderStatus.REJECTED, "no")
    assert desk.decision(first) == ("failed", "no")
    assert desk.position.status is PositionStatus.OPEN
