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
    assert mine.gone_cost > 0 == mine.realised_pnl, "nobody of ours has lost what was taken out"
    assert desk.state.balances["BTC"] == other.amount


def test_what_the_account_still_has_is_sold_and_the_rest_written_off():
    desk = bought()
    mine = desk.position
    desk.feed(CashMoved(desk.now, "BTC", -D("0.5"), "withdrawn elsewhere"))
    desk.intent(Purpose.FORCE_EXIT)
    assert (mine.status, mine.gone, mine.amount) == (PositionStatus.CLOSED, D("0.5"), 0)
    sold = [order.filled for order in desk.results.orders.values() if order.side == "sell"]
    assert sold == [mine.sold] and mine.sold + mine.dust == D("1.999") * D("0.999") - D("0.5")
    paid = mine.buy_cost - mine.dust_cost - mine.gone_cost
    assert mine.realised_pnl == mine.sell_proceeds - paid - mine.fees_cash
    assert abs(mine.gone_cost / mine.gone - paid / mine.sold) < D("1e-9"), "at the average of all that could be sold"
