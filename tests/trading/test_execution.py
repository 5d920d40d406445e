"""Execution through the queue and the database: claims, crashes, changes, and the broker's port."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.exchanges.errors import ExchangeStopped
from signals import quotes
from signals.quotes import QuoteRow
from tests.trading.worlds import START, World, bot_make, instrument_make, intent_make, quote_make
from trading import wiring
from trading.backtest.replay import replay
from trading.domain.types import CashMoved, FillSeen, OrderAnswered, OrderStatus
from trading.models import (
    AccountLease,
    Balance,
    DecisionRecord,
    Fill,
    Intent,
    LedgerEntry,
    Order,
    Position,
    RiskEvent,
    StopSwitch,
)
from trading.services import execution
from trading.services.execution import account_execute
from trading.store import account, listeners
from trading.store.load import deployment_id

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Stored trades are not pushed anywhere here."""
    monkeypatch.setattr(listeners, "_saved", [])
    monkeypatch.setattr(listeners, "_closed", [])


@pytest.fixture
def world():
    return World()


class Exchange:
    """A broker outside of this process, under a test's control."""

    def __init__(self):
        self.calls, self.answers, self.fail = [], [], None
        self.committed = []

    def submit(self, order, instrument):
        self.calls.append(("submit", order.client_order_id))
        self.committed.append(Order.objects.filter(client_order_id=order.client_order_id).exists())
        if self.fail:
            raise self.fail
        return self.said(order)

    def said(self, order):
        return [OrderAnswered(order.created_at, order.client_order_id, status, "77") for status in self.answers]

    def submit_ahead(self, order):
        pass

    cancel_ahead = submit_ahead

    def cancel(self, order, instrument):
        self.calls.append(("cancel", order.client_order_id))
        return []

    def recover(self, order, instrument):
        self.calls.append(("recover", order.client_order_id))
        return self.said(order)

    def market(self, event):
        return []


@pytest.fixture
def exchange(world, monkeypatch):
    broker = Exchange()

    def ports(account):
        return replace(
            wiring.ports_for(account), broker=lambda state, leaving: broker, leaves=True, start_balance=D(1000)
        )

    monkeypatch.setattr(execution, "ports_for", ports)
    return broker


def test_an_intent_becomes_an_order_a_fill_a_position_and_a_ledger(world):
    intent = world.entry()
    assert world.run() > 0
    intent.refresh_from_db()
    position, order, fill = world.position(), Order.objects.get(), Fill.objects.get()
    assert (intent.status, intent.position, intent.fencing_token) == ("done", position, 1)
    assert (order.status, order.filled, order.position, order.intent) == ("filled", D("1.9996"), position, intent)
    assert (fill.price, fill.fee, fill.fee_currency) == (D("100.02"), D("0.0019996"), "BTC")
    assert (position.status, position.amount) == ("open", D("1.9976004"))
    balances = dict(Balance.objects.values_list("currency", "total"))
    assert balances == {"USDT": 10_000 - D("1.9996") * D("100.02"), "BTC": position.amount}
    assert LedgerEntry.objects.count() == 4  # start, both sides, fee
    world.bot.refresh_from_db()
    assert world.bot.last_decision == "Buys 1.9996 BTC/USDT (entry)."


def test_a_touched_level_closes_the_position_in_a_later_run(world):
    world.entry()
    world.run()
    world.run(bid=90)
    position, intent = world.position(), Intent.objects.get(purpose="stop_loss")
    assert (position.status, position.close_reason) == ("closed", "stop_loss")
    assert (intent.status, intent.position, intent.orders.get().side) == ("done", position, "sell")
    assert position.dust_cost > 0
    assert Balance.objects.get(currency="USDT").total == 10_000 + position.realised_pnl - position.dust_cost


def test_a_quote_that_touches_nothing_stores_nothing(world):
    world.entry()
    world.run()
    records = DecisionRecord.objects.count()
    assert world.run(bid="100.2") == 0
    assert DecisionRecord.objects.count() == records


def test_a_denied_entry_is_stored_with_its_reason_and_numbers(world):
    intent = world.entry(confidence=0.05)
    world.run()
    intent.refresh_from_db()
    event = RiskEvent.objects.get()
    assert (intent.status, event.rule, event.intent) == ("denied", "confidence", intent)
    assert intent.reason == "Confidence 0.05 is below the bot's threshold 0.1."
    assert event.snapshot == {"confidence": "0.05", "threshold": "0.1"}


def test_an_entry_past_its_expiry_is_marked_expired(world):
    intent = world.entry(expires_at=START)
    world.run()
    intent.refresh_from_db()
    assert intent.status == "expired"
    assert not Order.objects.exists()


def test_surer_entries_go_first_and_exits_before_entries(world):
    world.bot.config.max_positions = 1
    world.bot.config.save()
    eth = instrument_make("ETH/USDT")
    weak, sure = world.entry(confidence=0.5), intent_make(world.bot, eth, confidence=0.9)
    world.at += timedelta(seconds=1)
    account_execute(account_id=world.account.pk, at=world.at, quotes=[quote_make(), quote_make("ETH/USDT")])
    assert Position.objects.get().instrument == eth
    weak.refresh_from_db()
    sure.refresh_from_db()
    assert (weak.status, sure.status) == ("denied", "done")


def test_a_stop_is_seen_by_the_next_run(world):
    world.entry()
    world.run()
    StopSwitch.objects.create(scope="platform", level=3)
    world.run()
    assert (world.position().status, world.position().close_reason) == ("closed", "force_exit")
    intent = world.entry()
    world.run()
    intent.refresh_from_db()
    assert intent.reason == "A stop is in force: flatten."


def test_a_paused_account_takes_no_entries_but_still_exits(world):
    world.entry()
    world.run()
    world.account.status = "paused"
    world.account.save()
    intent_make(world.bot, instrument_make("ETH/USDT"))
    world.run(bid=90)
    assert Position.objects.count() == 1
    assert world.position().status == "closed"


def test_an_old_quote_is_no_quote(world, monkeypatch):
    monkeypatch.setattr(quotes, "_latest", {})
    quotes._latest["binance"] = {"BTC/USDT": QuoteRow("BTC/USDT", D(100), D(101), D(5), D(5), START)}
    intent = world.entry()
    account_execute(account_id=world.account.pk, at=START + timedelta(seconds=61))
    intent.refresh_from_db()
    assert intent.reason == "There is no price of BTC/USDT right now."
    fresh = world.entry()
    account_execute(account_id=world.account.pk, at=START + timedelta(seconds=60))
    fresh.refresh_from_db()
    assert fresh.status == "done"


def test_an_entry_waits_for_its_first_price_until_it_expires(world, monkeypatch):
    monkeypatch.setattr(quotes, "_latest", {})
    intent = world.entry(expires_at=START + timedelta(seconds=30))
    account_execute(account_id=world.account.pk, at=START)
    intent.refresh_from_db()
    assert intent.status == "pending"
    quotes._latest["binance"] = {"BTC/USDT": QuoteRow("BTC/USDT", D(100), D(101), D(5), D(5), START)}
    account_execute(account_id=world.account.pk, at=START + timedelta(seconds=10))
    intent.refresh_from_db()
    assert intent.status == "done"


def test_an_intent_claimed_by_a_killed_run_is_taken_again_once(world, monkeypatch):
    world.entry()

    def killed(**_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(account, "effects_save", killed)
        with pytest.raises(KeyboardInterrupt):
            world.run()
    assert Intent.objects.get().status == "claimed"
    world.run()
    world.run()
    assert Intent.objects.get().status == "done"
    assert Order.objects.count() == 1


def test_an_order_is_committed_before_it_leaves_and_looked_up_after_a_kill(world, exchange):
    world.entry()
    exchange.fail = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        world.run()
    assert exchange.committed == [True]
    order = Order.objects.get()
    assert order.status == "pending"
    exchange.fail, exchange.answers = None, [OrderStatus.ACTIVE]
    world.run()
    world.run()
    order.refresh_from_db()
    assert (order.status, order.exchange_order_id) == ("active", "77")
    assert [name for name, _ in exchange.calls] == ["submit", "recover"]


def test_an_unknown_order_is_looked_up_and_never_sent_again(world, exchange):
    world.entry()
    exchange.answers = [OrderStatus.UNKNOWN]
    world.run()
    world.run()
    assert [name for name, _ in exchange.calls] == ["submit", "recover"]
    exchange.answers = [OrderStatus.REJECTED]
    world.run()
    assert Order.objects.get().status == "rejected"
    assert Intent.objects.get().status == "failed"
    assert Position.objects.get().status == "cancelled"


def test_a_failing_exchange_call_keeps_what_was_stored(world, exchange):
    world.entry()
    exchange.fail = ExchangeStopped("the key was revoked")
    with pytest.raises(ExchangeStopped):
        world.run()
    assert Order.objects.get().status == "pending"
    assert AccountLease.objects.get().owner == ""


def test_fills_from_a_stream_count_once_also_after_the_order_closed(world, exchange):
    world.entry()
    exchange.answers = [OrderStatus.ACTIVE]
    world.run()
    order = Order.objects.get().client_order_id
    fill = FillSeen(START, order, "t1", D(100), D("1.9996"), D("0.2"), "USDT", False)
    for _ in range(3):
        world.run(events=[fill, fill])
    assert Fill.objects.count() == 1
    assert world.position().bought == D("1.9996")
    assert Order.objects.get().status == "filled"


def test_a_late_fill_finds_its_closed_order_and_opens_the_position_again(world, exchange):
    world.entry()
    exchange.answers = [OrderStatus.ACTIVE, OrderStatus.CANCELLED]
    world.run()
    assert world.position().status == "cancelled"
    order = Order.objects.get().client_order_id
    world.run(events=[FillSeen(START, order, "t1", D(100), D("0.5"), D(0), "USDT", False)])
    assert (world.position().status, world.position().amount) == ("open", D("0.5"))
    assert Order.objects.get().status == "cancelled"


def test_money_moved_is_posted_once_over_runs(world):
    moved = CashMoved(START, "USDT", D(500), "deposit:1")
    for _ in range(3):
        world.run(events=[moved, moved])
    assert Balance.objects.get().total == 10_500


def test_recorded_answers_replay_to_the_same_world(world, exchange):
    world.entry()
    exchange.answers = [OrderStatus.ACTIVE]
    world.run()
    order = Order.objects.get().client_order_id
    world.run(events=[FillSeen(world.at, order, "t1", D(100), D("1.9996"), D("0.2"), "USDT", False)])
    world.run(bid=90)
    records = DecisionRecord.objects.order_by("sequence").values_list("kind", "payload")
    state, results = replay(
        records, account_id=world.account.public_id, deployment_id=deployment_id(), quote_currency="USDT"
    )
    assert {o.client_order_id: o.status for o in results.orders.values()} == dict(
        Order.objects.values_list("client_order_id", "status")
    )
    assert state.balances == dict(Balance.objects.values_list("currency", "total"))


def test_a_new_configuration_reaches_the_engine_but_not_open_positions(world):
    world.entry()
    world.run()
    config = world.bot.config
    config.pk, config.version, config.stop_loss = None, 2, D("0.5")
    config.public_id = "5f1d7a52-7a43-4a55-8b11-9d2f3c9f0001"
    config.save()
    world.bot.config = config
    world.bot.save()
    world.run()
    assert DecisionRecord.objects.filter(kind="bot_changed").count() == 2
    world.run(bid=98)
    assert world.position().close_reason == "stop_loss"


def test_a_run_takes_a_fixed_number_of_queries(world):
    counts = []
    for number in range(2):
        for other in range(1 + number * 6):
            symbol = f"C{number}{other}/USDT"
            intent_make(bot_make(world.account, f"bot {symbol}"), instrument_make(symbol))
        shown = [quote_make(i.symbol) for i in (world.btc, *type(world.btc).objects.all())]
        with CaptureQueriesContext(
            connection,
        ) as queries:
            account_execute(account_id=world.account.pk, quotes=shown, at=world.at)
        counts.append(len(queries))
    assert counts[1] <= counts[0] + 4, counts
    assert Position.objects.count() == 8
