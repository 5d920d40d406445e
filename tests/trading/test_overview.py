from datetime import timedelta
from decimal import Decimal

import pytest

from signals import quotes
from tests.trading.conftest import AT
from trading.models import BalanceSnapshot, Position
from trading.selectors.overview import overview_read
from trading.services.snapshots import snapshots_store, worth_compute
from trading.services.stats import stats_update

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture(autouse=True)
def market():
    rows = [
        quotes.QuoteRow(f"{name}/USDT", D(bid), D(bid) + 1, D(1), D(1), AT) for name, bid in (("BTC", 110), ("ETH", 9))
    ]
    quotes._latest["binance"] = {row.symbol: row for row in rows}
    yield
    quotes._latest.clear()


def closed(make, bot, instrument, pnl, fees, days_ago, at_noon):
    position = make.position(
        bot,
        instrument,
        status="closed",
        amount=D(0),
        realised_pnl=D(pnl),
        fees_quote=D(fees),
        sell_proceeds=D(200) + D(pnl),
        closed_at=at_noon - timedelta(days=days_ago),
    )
    stats_update(bot_id=bot.pk, day=position.closed_at.date())
    return position


def snapshot(account, equity, at, deposits=1000):
    BalanceSnapshot.objects.create(
        account=account, at=at, equity=D(equity), free=D(equity), in_positions=0, net_deposits=deposits
    )


def test_parts_add_up_and_queries_do_not_grow(make, at_noon, django_assert_num_queries):
    user = make.user()
    accounts = [make.account(user), make.account(user)]
    btc = make.instrument()
    bots = [make.bot(account) for account in accounts for _ in range(3)]
    for days, equity in ((40, "1010"), (10, "1030.5"), (2, "1031.25")):
        for account in accounts:
            snapshot(account, equity, at_noon - timedelta(days=days))
    for number, bot in enumerate(bots):
        closed(make, bot, btc, f"{number}.123456789", "0.4", number * 5, at_noon)
    make.position(bots[0], btc, fees_cash=D("0.2"))
    for account in accounts:
        snapshot(account, "1050.000000001", at_noon)
    with django_assert_num_queries(8):
        overview = overview_read(user=user)
    assert overview.equity == D("2100.000000002") and overview.net_deposits == 2000
    results = {period.key: period for period in overview.periods}
    for period in overview.periods:
        assert period.realised + period.unrealised - period.fees == period.pnl
    assert results["today"].pnl == D("2100.000000002") - 2 * D("1031.25")
    assert results["today"].realised == D("0.523456789") and results["today"].fees == D("0.4")
    assert results["month"].pnl == D("2100.000000002") - 2020
    assert results["total"].pnl == D("100.000000002")
    (row,) = overview.positions
    assert (row.entry, row.value, row.pnl) == (100, 220, D("19.8"))
    first = overview.bots[0]
    assert (first.positions, first.positions_max, first.trades_today) == (1, 2, 1)
    assert first.today == D("0.123456789") + D("19.8")


def test_another_users_money_is_not_in_it(make, at_noon):
    mine, other = make.account(), make.account()
    snapshot(mine, 5, at_noon)
    snapshot(other, 7, at_noon)
    assert overview_read(user=mine.user).equity == 5
    assert overview_read(user=mine.user, account=other).equity == 0


def test_unpriced_coins_are_listed_and_not_counted(make):
    worth = worth_compute(
        quote_currency="USDT",
        balances={"USDT": D(100), "BTC": D("0.5"), "XYZ": D(3), "ABC": D(0)},
        reserved=D(30),
        deposits={"USDT": D(100), "XYZ": D(3)},
        quotes=quotes.latest_all("binance"),
    )
    assert (worth.equity, worth.free, worth.in_positions, worth.net_deposits) == (155, 70, 55, 100)
    assert worth.unpriced == ["XYZ"]


def test_price_moves_of_a_deposited_coin_are_no_trading_result():
    quote = quotes.latest_all("binance")
    worth = worth_compute(
        quote_currency="USDT", balances={"BTC": D(1)}, reserved=D(0), deposits={"BTC": D(1)}, quotes=quote
    )
    assert worth.equity - worth.net_deposits == 0


def test_statistics_of_a_day_can_be_repeated(make, at_noon):
    bot = make.bot()
    btc = make.instrument()
    closed(make, bot, btc, "5", "0.4", 0, at_noon)
    position = closed(make, bot, btc, "-3", "0.4", 0, at_noon)
    stats = stats_update(bot_id=bot.pk, day=position.closed_at.date())
    assert (stats.trades, stats.wins, stats.losses, stats.realised_pnl) == (2, 1, 1, 2)
    assert stats.turnover == 802 and Position.objects.count() == 2


def test_snapshots_of_many_accounts_cost_the_same_queries(make, at_noon, django_assert_num_queries):
    for count in (1, 12):
        accounts = [make.account() for _ in range(count)]
        with django_assert_num_queries(4):
            snapshots_store(accounts=accounts)
