"""The paper path through the queue and the database: signal, intent, order, fills, position, exit, what follows."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache

from accounts.clock import clock_set
from accounts.models import Notice
from signals import quotes
from signals.models import Outcome
from signals.quotes import QuoteRow
from tests.trading.conftest import AT
from trading import live
from trading.models import BalanceSnapshot, Fill, Intent, Order, Position, TradingStats
from trading.services.intents import entry_request, intents_fan_out, orders_cancel_request, position_close_request
from trading.services.work import account_work
from trading.watch import Watcher

NOON = AT + timedelta(seconds=62)


@pytest.fixture
def pushed(monkeypatch):
    found = []
    monkeypatch.setattr(live, "_taps", [lambda user_id, kind, payload: found.append((user_id, kind, payload))])
    return found


@pytest.fixture(autouse=True)
def market():
    callbacks = list(quotes._callbacks)
    quotes.quotes_forget()
    yield
    quotes.quotes_forget()
    quotes._callbacks.extend(callbacks)


def show(bid, ask, at, symbol="BTC/USDT", size="1000"):
    row = QuoteRow(symbol, Decimal(bid), Decimal(ask), Decimal(size), Decimal(size), at)
    quotes.publish("binance", [row])
    return row


def run(account, at):
    with clock_set(lambda: at):
        return account_work(account_id=account.pk)


@pytest.fixture
def trading(make):
    """A running bot with an open position of 200 USDT, bought at 100.10."""
    bot = make.bot(entry_type="market", profit_target="0.01", stop_loss="0.01", notifications=["trades"])
    signal = make.signal(make.instrument())
    with clock_set(lambda: NOON):
        intents_fan_out(signal_ids=[signal.pk])
    show("100.00", "100.10", NOON)
    run(bot.account, NOON)
    return bot


@pytest.mark.django_db(transaction=True)
def test_a_signal_becomes_a_position_and_a_target_closes_it(trading, pushed):
    bot, later = trading, NOON + timedelta(seconds=30)
    position = Position.objects.get()
    assert position.status == "open" and position.bot == bot and position.signal is not None
    assert position.buy_cost <= 200 and position.bought == Fill.objects.get().amount
    assert position.stop_price == Decimal("99.10") and position.target_price == Decimal("101.11")
    show("101.20", "101.30", later)
    cache.clear()  # the snapshot taken at the entry is seconds old here
    run(bot.account, later)
    position.refresh_from_db()
    assert (position.status, position.close_reason) == ("closed", "take_profit")
    assert Outcome.objects.get().trade_id == position.public_id
    assert Outcome.objects.get().return_net == pytest.approx(float(position.realised_pnl / position.buy_cost))
    stats = TradingStats.objects.get(bot=bot)
    assert (stats.trades, stats.wins, stats.realised_pnl) == (1, 1, position.realised_pnl)
    assert Notice.objects.filter(user=bot.user, title__contains="closed BTC/USDT").count() == 1
    kinds = [kind for user_id, kind, _payload in pushed if user_id == bot.user_id]
    assert {"order", "fill", "trade", "snapshot", "notice"} <= set(kinds)
    start = bot.account.paper_start_balance
    last = BalanceSnapshot.objects.first()
    assert last.net_deposits == Decimal(start)


@pytest.mark.django_db(transaction=True)
def test_equity_change_is_the_realised_result_to_the_last_digit(trading):
    from trading.selectors.worth import worth_of

    bot, later = trading, NOON + timedelta(seconds=30)
    show("98.00", "98.10", later)
    run(bot.account, later)
    position = Position.objects.get()
    assert position.close_reason == "stop_loss" and position.realised_pnl < 0
    with clock_set(lambda: later):
        worth = worth_of([bot.account])[bot.account.pk]
    dust_gain = position.dust * Decimal("98.00") - position.dust_cost  # it is owned still
    assert worth.equity - worth.net_deposits == position.realised_pnl + dust_gain


@pytest.mark.django_db(transaction=True)
def test_a_position_closed_by_hand_once(trading):
    bot = trading
    position = Position.objects.get()
    first = position_close_request(position=position, actor=bot.user)
    assert position_close_request(position=position, actor=bot.user) == first
    run(bot.account, NOON + timedelta(seconds=1))
    position.refresh_from_db()
    first.refresh_from_db()
    assert (position.status, position.close_reason, first.status) == ("closed", "force_exit", "done")
    assert Order.objects.filter(side="sell").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_refused_manual_entry_is_told_to_its_trader(make):
    bot, btc = make.bot(entry_type="market"), make.instrument()
    with clock_set(lambda: NOON):
        entry_request(bot=bot, symbol=btc.symbol, amount_quote="900000000", actor=bot.user)
    show("100.00", "100.10", NOON)
    run(bot.account, NOON)
    notice = Notice.objects.get(user=bot.user)
    assert notice.title == "The entry into BTC/USDT was not made" and "are free" in notice.text


@pytest.mark.django_db(transaction=True)
def test_a_resting_order_is_cancelled_on_request(make):
    bot = make.bot(entry_type="maker", maker_timeout_s=600)
    with clock_set(lambda: NOON):
        intents_fan_out(signal_ids=[make.signal(make.instrument()).pk])
    show("100.00", "100.10", NOON)
    run(bot.account, NOON)
    order = Order.objects.get()
    assert order.status == "active"
    with clock_set(lambda: NOON + timedelta(seconds=5)):
        assert orders_cancel_request(orders=[order], actor=bot.user) == 1
    run(bot.account, NOON + timedelta(seconds=5))
    order.refresh_from_db()
    assert order.status == "cancelled" and Position.objects.get().status == "cancelled"
    entry, cancel = Intent.objects.order_by("id")
    assert (entry.status, entry.reason) == ("expired", "Cancelled by hand.")
    assert (cancel.purpose, cancel.status) == ("cancel", "done")
    assert orders_cancel_request(orders=[order], actor=bot.user) == 0


@pytest.mark.django_db(transaction=True)
def test_the_watcher_wakes_only_accounts_whose_levels_are_touched(trading, make, monkeypatch, pushed):
    from trading import watch

    woken = []
    monkeypatch.setattr(watch, "account_wake_now", woken.append)
    monkeypatch.setattr(Watcher, "_start", lambda self: None)
    watcher = Watcher()
    watcher.reload()
    watcher.quotes_seen("binance", [show("100.50", "100.60", NOON)])
    watcher.turn(100.0)
    assert woken == []
    assert [kind for _user, kind, _payload in pushed] == ["pnl", "market"]
    payload = pushed[0][2]
    position = Position.objects.get()
    value = position.amount * Decimal("100.50")
    assert Decimal(payload["positions"][0]["pnl"]) == value - position.buy_cost - position.fees_cash
    assert Decimal(payload["unrealised"]) == Decimal(payload["positions"][0]["pnl"])
    watcher.quotes_seen("binance", [show("99.00", "99.10", NOON)])
    watcher.turn(100.1)
    watcher.turn(100.2)
    assert woken == [trading.account_id]


@pytest.mark.django_db(transaction=True)
def test_watching_costs_no_query_per_tick(trading, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(Watcher, "_start", lambda self: None)
    watcher = Watcher()
    watcher.reload()
    with django_assert_num_queries(0):
        for cents in range(100):
            watcher.quotes_seen("binance", [show(f"100.{cents:02d}", "100.99", NOON)])
        watcher.pnl_push()
