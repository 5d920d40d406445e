"""What is too small to sell waits for the bot's next exit of the same instrument, and is nobody else's."""

from dataclasses import replace
from decimal import Decimal as D

from tests.trading.domain.desk import BOT, BTC, OTHER_BOT, PLAN, Desk, books_hold
from trading.domain import pnl
from trading.domain.money import average_round
from trading.domain.position import dust_hand_on
from trading.domain.risk_state import result
from trading.domain.types import InstrumentSeen, PositionStatus, Purpose

LOT = D("0.001")


def round_trip(desk, price, bot_id=BOT):
    """One trade at a price; fees come out of what was bought, so that less than a lot stays behind."""
    desk.later(1).quote(price)
    desk.intent(bot_id=bot_id)
    desk.intent(Purpose.EXIT, bot_id=bot_id)
    return desk.last


def test_each_exit_sells_what_the_trade_before_left():
    desk = Desk()
    first = round_trip(desk, 100)
    assert 0 < first.dust < LOT
    left = [first.dust]
    for _ in range(3):
        trade = round_trip(desk, 100)
        assert trade.dust_moved == left[-1]
        left.append(trade.dust)
        books_hold(desk)
    assert desk.state.balances["BTC"] == left[-1] < LOT, "only the last remainder is held"
    trades = desk.results.trades()
    assert [t.dust for t in trades[:-1]] == [0, 0, 0]
    cash = desk.state.balances["USDT"] - 1000
    assert sum(t.realised_pnl for t in trades) == cash + trades[-1].dust_cost
    assert [t.dust_cost for t in trades[:-1]] == [0, 0, 0] and trades[-1].dust_cost > 0


def test_a_trade_that_sold_above_its_entry_is_no_loss_because_of_what_it_left():
    """Lots of a whole coin: of 2.997 coins two are sold; the other 0.997 are owned still, at what they cost."""
    desk = Desk()
    desk.feed(InstrumentSeen(desk.now, replace(BTC, lot_size=D(1))))
    desk.later(1).quote(50)
    desk.intent()
    bought = desk.position.buy_cost
    desk.later(1).quote("50.4")
    desk.intent(Purpose.EXIT)
    first = desk.last
    assert (first.sold, first.dust) == (2, D("0.997")) and first.status is PositionStatus.CLOSED
    assert first.dust_cost == average_round(bought * first.dust / (first.sold + first.dust))
    assert first.realised_pnl == first.sell_proceeds - (bought - first.dust_cost) - first.fees_cash > 0
    books_hold(desk)
    result, cost, dust = first.realised_pnl, first.dust_cost, first.dust
    second = round_trip(desk, 45)
    first = desk.results.positions[first.position_id]
    assert (first.realised_pnl, first.dust_cost, first.cost_moved) == (result, 0, -cost), "its result stays"
    assert (second.dust_moved, second.cost_moved) == (dust, cost) and second.realised_pnl < 0
    cash = desk.state.balances["USDT"] - 1000
    assert first.realised_pnl + second.realised_pnl == cash + second.dust_cost
    books_hold(desk)


def test_an_open_position_counts_what_it_took_over_at_its_cost():
    desk = Desk()
    first = round_trip(desk, 100)
    cost = first.dust_cost
    desk.later(1).quote(100)
    desk.intent()
    desk.later(1).quote(101)
    opened = desk.position
    dust_hand_on(desk.state.closed_positions[first.position_id], opened)
    assert opened.cost_moved == cost
    assert result(desk.state, opened) == opened.amount * 101 - opened.buy_cost - cost - opened.fees_cash
    total = pnl.realised(opened) + pnl.unrealised(opened, D(101))
    assert abs(total - result(desk.state, opened)) < D("1e-11")


def test_another_bot_never_takes_it():
    desk = Desk().bot(OTHER_BOT, PLAN)
    mine = round_trip(desk, 100)
    others = round_trip(desk, 100, OTHER_BOT)
    assert others.dust_moved == 0
    assert desk.results.positions[mine.position_id].dust == mine.dust > 0
    books_hold(desk)
