"""The live broker against a scripted ccxt client: what each kind of answer becomes."""

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from uuid import uuid4

import ccxt
import pytest
from django.core.cache import cache

from accounts.clock import clock_set
from accounts.exchanges.errors import ExchangeStopped
from tests.trading.conftest import AT
from trading.brokers import live_calls
from trading.brokers.ccxt_exchange import CcxtExchange
from trading.brokers.live import LiveBroker
from trading.domain.types import FillSeen, InstrumentSpec, OrderAnswered, OrderState, OrderType, Purpose, Side
from trading.memory import AccountMemory

pytestmark = pytest.mark.django_db
SPEC = InstrumentSpec("BTC/USDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"))


class Client:
    """Answers by method name: a value, an exception, or a list of them in turn."""

    def __init__(self, **answers):
        self.answers, self.calls, self.id = answers, [], "binance"
        self.has = {"fetchOrders": True, "fetchOrderTrades": True}

    def __getattr__(self, name):
        async def call(*args):
            self.calls.append((name, args))
            answer = self.answers.get(name, [])
            if isinstance(answer, tuple):
                answer, self.answers[name] = answer[0], answer[1:] or answer[-1:]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def count(self, name):
        return sum(1 for called, _args in self.calls if called == name)


@pytest.fixture
def broker_of(monkeypatch):
    cache.clear()

    def make(**answers):
        client = Client(**answers)

        async def ready(_account):
            return client

        monkeypatch.setattr(live_calls, "client_ready", ready)
        exchange = CcxtExchange(SimpleNamespace(pk=1, exchange="binance"))
        return LiveBroker(exchange, AccountMemory(1), lambda order: None), client

    return make


def order(**values):
    base = {
        "client_order_id": "abc",
        "intent_id": uuid4(),
        "leg": 0,
        "purpose": Purpose.ENTRY,
        "bot_id": uuid4(),
        "position_id": uuid4(),
        "symbol": "BTC/USDT",
        "side": Side.BUY,
        "type": OrderType.MARKET,
        "amount": Decimal("0.5"),
        "price": None,
        "created_at": AT,
    }
    return OrderState(**{**base, **values})


def trade(number, amount="0.5", **values):
    info = {"price": "64000.10000000", "qty": amount, "commission": "0.00050000000000000001", "commissionAsset": "BTC"}
    return {
        "id": str(number),
        "order": "77",
        "price": 64000.1,
        "amount": float(amount),
        "fee": {"cost": 0.0005, "currency": "BTC"},
        "info": info,
        "timestamp": 1772366400123,
        **values,
    }


def words(events):
    return [str(event.status) if isinstance(event, OrderAnswered) else event.trade_id for event in events]


def test_an_answer_with_fills_is_told_to_the_last_digit(broker_of):
    broker, client = broker_of(create_order={"id": "77", "status": "closed", "filled": 0.5, "trades": [trade(1)]})
    events = broker.submit(order(), SPEC)
    assert words(events) == ["active", "1"]
    fill = events[1]
    assert isinstance(fill, FillSeen) and not fill.maker
    assert (fill.price, fill.amount) == (Decimal("64000.1"), Decimal("0.5"))
    assert fill.fee == Decimal("0.00050000000000000001") and fill.at.microsecond == 123000
    assert client.calls == [("create_order", ("BTC/USDT", "market", "buy", "0.5", None, {"clientOrderId": "abc"}))]


def test_a_maker_order_is_post_only_at_its_price(broker_of):
    broker, client = broker_of(create_order={"id": "77", "status": "open", "filled": 0.0})
    assert words(broker.submit(order(type=OrderType.LIMIT_MAKER, price=Decimal("1E-8")), SPEC)) == ["active"]
    args = client.calls[0][1]
    assert args[1:5] == ("limit", "buy", "0.5", "0.00000001") and args[5]["postOnly"] is True


@pytest.mark.parametrize(
    "answer",
    [
        ccxt.RequestTimeout("binance timed out"),
        ccxt.ExchangeNotAvailable("binance 502"),
        ccxt.NetworkError("binance reset"),
        ccxt.OperationFailed("binance -1006"),
        ccxt.DDoSProtection("binance 418"),
        ccxt.ExchangeError("binance something new"),
        {},
        {"id": None},
        None,
        "<html>",
        KeyError("fills"),
    ],
)
def test_whatever_is_not_a_clear_answer_is_unknown_and_not_sent_again(broker_of, answer):
    broker, client = broker_of(create_order=answer)
    assert words(broker.submit(order(), SPEC)) == ["unknown"]
    assert client.count("create_order") == 1


@pytest.mark.parametrize("error", [ccxt.InsufficientFunds("binance -2010"), ccxt.InvalidOrder("binance filter")])
def test_a_clear_refusal_is_rejected(broker_of, error):
    broker, _client = broker_of(create_order=error)
    assert words(broker.submit(order(), SPEC)) == ["rejected"]


def test_a_dead_key_stops_the_account(broker_of):
    broker, _client = broker_of(create_order=ccxt.AuthenticationError("binance -2015"))
    with pytest.raises(ExchangeStopped):
        broker.submit(order(), SPEC)


def test_an_order_that_is_found_is_told_with_all_its_trades_before_its_end(broker_of):
    broker, client = broker_of(
        fetch_order={"id": "77", "status": "canceled", "filled": 0.3},
        fetch_order_trades=[trade(1, "0.1"), trade(2, "0.2")],
    )
    assert words(broker.recover(order(), SPEC)) == ["active", "1", "2", "cancelled"]
    assert client.calls[0] == ("fetch_order", (None, "BTC/USDT", {"clientOrderId": "abc"}))


def test_an_end_waits_for_trades_that_are_not_listed_yet(broker_of):
    broker, _client = broker_of(
        fetch_order={"id": "77", "status": "canceled", "filled": 0.3}, fetch_order_trades=[trade(1, "0.1")]
    )
    assert words(broker.recover(order(), SPEC)) == ["active", "1"]


def test_an_id_lookup_that_fails_falls_back_to_the_lists(broker_of):
    broker, _client = broker_of(
        fetch_order=ccxt.OrderNotFound("binance -2013"),
        fetch_open_orders=[{"id": "77", "clientOrderId": "abc", "status": "open", "filled": 0.0}],
    )
    assert words(broker.recover(order(), SPEC)) == ["active"]


def test_absence_takes_two_clean_reads_with_the_expiry_between(broker_of):
    missing = ccxt.OrderNotFound("binance -2013")
    broker, client = broker_of(fetch_order=missing, fetch_open_orders=[], fetch_orders=[])

    def at(seconds):
        with clock_set(lambda: AT + timedelta(seconds=seconds)):
            return words(broker.recover(order(), SPEC))

    assert at(0) == [] and at(5) == [] and at(11) == []
    client.answers["fetch_open_orders"] = ccxt.RequestTimeout("binance timed out")
    assert at(30) == ["unknown"]
    client.answers["fetch_open_orders"] = []
    assert at(31) == ["rejected"]
    assert client.count("create_order") == 0


def test_a_stop_is_absent_only_when_its_own_request_cannot_arrive_any_more(broker_of):
    broker, _client = broker_of(fetch_order=ccxt.OrderNotFound("not there"), fetch_open_orders=[], fetch_orders=[])
    broker.stop_expiry = timedelta(seconds=30)
    stop = order(type=OrderType.STOP, side=Side.SELL, purpose=Purpose.PROTECT, price=Decimal(60000))

    def at(seconds):
        with clock_set(lambda: AT + timedelta(seconds=seconds)):
            return words(broker.recover(stop, SPEC))

    assert at(0) == [] and at(31) == []
    assert at(33) == ["rejected"]


def test_a_cancel_that_lost_the_race_tells_the_fill(broker_of):
    broker, _client = broker_of(
        cancel_order=ccxt.OrderNotFound("binance -2011"),
        fetch_order={"id": "77", "status": "closed", "filled": 0.5},
        fetch_order_trades=[trade(9, takerOrMaker="maker")],
    )
    events = broker.cancel(order(), SPEC)
    assert words(events) == ["active", "9"] and events[1].maker


def test_an_unclear_cancel_of_an_order_that_cannot_be_read_says_nothing(broker_of):
    down = ccxt.ExchangeNotAvailable("binance 503")
    broker, _client = broker_of(cancel_order=down, fetch_order=down)
    assert words(broker.recover(order(), SPEC)) == ["unknown"]
    assert broker.cancel(order(), SPEC) == []


def test_an_amount_of_more_digits_than_a_float_holds_is_told_to_its_end(broker_of):
    """The order's float is a little more than what its trades say to the last digit."""
    text, big = "12345678.123456789", order(amount=Decimal(99_999_999), exchange_order_id="77")
    found = {"id": "77", "status": "canceled", "filled": float(text), "info": {"executedQty": text}}
    sold = trade(1, amount=float(text), info={"qty": text, "commission": "0", "commissionAsset": "BTC"})
    broker, _ = broker_of(fetch_order=found, fetch_order_trades=[sold])
    events = broker.look(big)
    assert [type(event) for event in events][-2:] == [FillSeen, OrderAnswered]
    assert events[-2].amount == Decimal(text) and events[-1].status == "cancelled"
