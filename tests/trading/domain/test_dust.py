"""What is too small to sell waits for the bot's next exit of the same instrument, and is nobody else's."""

from decimal import Decimal as D

from tests.trading.domain.desk import BOT, OTHER_BOT, PLAN, Desk, books_hold
from trading.domain.types import Purpose

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
    assert sum(t.realised_pnl for t in trades) == cash


def test_another_bot_never_takes_it():
    desk = Desk().bot(OTHER_BOT, PLAN)
    mine = round_trip(desk, 100)
    others = round_trip(desk, 100, OTHER_BOT)
    assert others.dust_moved == 0
    assert desk.results.positions[mine.position_id].dust == mine.dust > 0
    books_hold(desk)
