from datetime import timedelta
from decimal import Decimal

import pytest

from signals import quotes
from tests.trading.conftest import AT
from trading.models import Balance, BalanceSnapshot, Position
from trading.selectors.accounts import accounts_read, day_start
from trading.selectors.bots import bot_cards
from trading.selectors.periods import periods_read
from trading.selectors.positions import open_rows, open_totals
from trading.services.snapshots import snapshots_store
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


def shown(user):
    return accounts_read(user)[0]


def test_parts_add_up_and_queries_do_not_grow(make, at_noon, django_assert_num_queries):
    account, btc = make.account(), make.instrument()
    bots = [make.bot(account) for _ in range(6)]
    for days, equity in ((40, "1010"), (10, "1030.5"), (2, "1031.25"), (0, "1050.000000001")):
        snapshot(account, equity, at_noon - timedelta(days=days))
    for number, bot in enumerate(bots):
        closed(make, bot, btc, f"{number}.123456789", "0.4", number * 5, at_noon)
    row = shown(account.user)
    make.position(bots[0], btc, fees_quote=D("0.05"), fees_cash=D("0.05"))
    with django_assert_num_queries(7):  # closed days, today's trades, what is open, where each period began
        periods = {period.key: period for period in periods_read(row, row.equity_now, row.deposits_now)}
    for period in periods.values():
        assert period.realised + period.unrealised - period.fees == period.pnl
        assert period.pnl == (row.equity_now - period.base).quantize(D("0.01"))
    today, month, total = periods["today"], periods["month"], periods["total"]
    assert (today.pnl, today.realised, today.fees) == (D("18.75"), D("0.52"), D("0.45"))
    assert (month.pnl, month.realised, month.fees) == (D("40.00"), D("15.74") + D("2.40"), D("2.45"))
    assert total.pnl == D("50.00") and total.share == D("0.05")


def test_closed_days_are_read_from_the_statistics_alone(make, at_noon):
    account, btc = make.account(), make.instrument()
    bot = make.bot(account)
    snapshot(account, "1000", at_noon - timedelta(days=3))
    snapshot(account, "1010", at_noon)
    for days in (0, 1, 2):
        closed(make, bot, btc, "2", "0.5", days, at_noon)
    Position.objects.filter(closed_at__lt=day_start()).update(realised_pnl=D(99))
    week = periods_read(shown(account.user), D("1010"), D("1000"))[1]
    assert (week.realised, week.fees, week.pnl) == (D("7.50"), D("1.50"), D("10.00"))
    (card,) = bot_cards(account.user)
    assert (card.today, card.week, card.trades, card.wins) == (2, 6, 3, 3) and card.path.count("L") == 3


def test_open_positions_are_valued_at_the_bid_after_fees(make, at_noon, django_assert_num_queries):
    bot, btc = make.bot(), make.instrument()
    make.position(bot, btc, fees_cash=D("0.2"))
    with django_assert_num_queries(1):
        rows = open_rows(user=bot.user, account=bot.account)
    assert [(row.entry, row.value, row.pnl) for row in rows] == [(100, 220, D("19.80"))]
    assert open_totals(rows).pnl == D("19.80")


def test_another_users_money_is_not_in_it(make, at_noon):
    mine, other = make.account(), make.account()
    snapshot(mine, 5, at_noon)
    snapshot(other, 7, at_noon)
    assert [row.equity_now for row in accounts_read(mine.user)] == [5]
    assert open_rows(user=mine.user, account=other) == []


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


def test_no_snapshot_while_a_coin_waits_for_its_first_quote(make):
    account = make.account()
    make.instrument("SOL/USDT")
    coin = Balance.objects.create(account=account, currency="SOL", total=D(2))
    Balance.objects.create(account=account, currency="GIFT", total=D(9))  # nobody trades it: it holds nothing up
    Balance.objects.create(account=account, currency="USDT", total=D(100))
    assert snapshots_store(accounts=[account]) == []
    coin.delete()
    (made,) = snapshots_store(accounts=[account])
    assert made.equity == 100 and made.unpriced == ["GIFT"]
