"""Coins that are not in the account any more."""

from decimal import Decimal as D

from tests.trading.domain.desk import OTHER_BOT, Desk
from trading.domain.types import CashMoved, PositionStatus, Purpose


def bought():
    desk = Desk().quote(100)
    desk.intent()
    return desk


def test_two_bots_never_sell_each_others_coins():
    desk = bought().bot(OTHER_BOT)
    desk.intent(bot_id=OTHER_BOT)
    mine, other = desk.state.positions.values()
    desk.feed(CashMoved(desk.now, "BTC", -mine.amount, "withdrawn elsewhere"))
    desk.intent(Purpose.FORCE_EXIT)
    assert (mine.status, mine.amount, mine.gone) == (PositionStatus.CLOSED, 0, other.amount)
    assert not [order for order in desk.results.orders.values() if order.side == "sell"]
    assert other.amount == D("1.999") * D("0.999")
    assert desk.state.balances["BTC"] == other.amount


def test_what_the_account_still_has_is_sold_and_the_rest_written_off():
    desk = bought()
    mine = desk.position
    desk.feed(CashMoved(desk.now, "BTC", -D("0.5"), "withdrawn elsewhere"))
    desk.intent(Purpose.FORCE_EXIT)
    assert (mine.status, mine.gone, mine.amount) == (PositionStatus.CLOSED, D("0.5"), 0)
    sold = [order.filled for order in desk.results.orders.values() if order.side == "sell"]
    assert sold == [mine.sold] and mine.sold + mine.dust == D("1.999") * D("0.999") - D("0.5")
