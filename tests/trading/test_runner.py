"""What several inputs lead to leaves together, wave by wave."""

from dataclasses import replace
from uuid import UUID

from tests.trading.domain.desk import BOT, BTC, NAMES, OTHER_BOT, PLAN, Desk
from trading.domain.plan_levels import PlanLevels
from trading.domain.types import InstrumentSeen, IntentTaken, OrderAnswered, OrderStatus, Purpose, Side


def test_sales_that_waited_for_their_stops_leave_together():
    """One whose answer is slow keeps no other from leaving."""
    plan = replace(PLAN, levels=PlanLevels(at_exchange=True), capital_per_trade=PLAN.capital_per_trade / 2)
    desk = Desk(paper=False, plan=plan)
    desk.feed(InstrumentSeen(desk.now, replace(BTC, holds_stops=True))).quote("99.99").bot(OTHER_BOT, plan)
    for bot in (BOT, OTHER_BOT):
        desk.intent(Purpose.ENTRY, bot_id=bot)
        entry = list(desk.state.orders)[-1]
        desk.answer(entry).fill(entry, desk.state.orders[entry].amount, trade_id=f"t{entry}")
        desk.answer(list(desk.state.orders)[-1])  # its stop rests
    waves: list[int] = []

    def together(requests):
        waves.append(len(requests))
        return [request.answer() for request in requests]

    def cancelled(order, _instrument):
        return [OrderAnswered(desk.now, order.client_order_id, OrderStatus.CANCELLED)]

    desk.runner.together, desk.broker.cancel = together, cancelled
    sales = [
        IntentTaken(desk.now, UUID(int=NAMES.int + number), bot, "BTC/USDT", Side.SELL, Purpose.FORCE_EXIT)
        for number, bot in enumerate((BOT, OTHER_BOT))
    ]
    desk.runner.feed_all(sales)
    assert waves == [2, 2]
    assert [order.purpose for order in desk.state.orders.values()] == [Purpose.FORCE_EXIT] * 2
