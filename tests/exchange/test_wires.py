"""The whole life of orders at OKX, Bybit, KuCoin and MEXC, each in its own wire format, to the last digit."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache

from accounts.clock import clock_set, now
from accounts.exchanges import budget, clocks, loop
from accounts.exchanges.factory import clients_close
from accounts.exchanges.quirks import NAMES, quirks_for
from accounts.services.exchange_accounts import account_replace_keys, account_verify
from signals.models import Instrument
from signals.quotes import QuoteRow, publish, quotes_forget
from signals.services.markets import markets_load
from tests.exchange.desk import Trader, until
from tests.exchange.other_binance import OtherBinance
from tests.exchange.wires import WIRES, Wire
from tests.exchange.wires.base import KEY, PASSPHRASE, SECRET, Answer
from trading import wiring
from trading.domain.exits import RETRY_LONGEST
from trading.models import AccountCheck, Fill, Order, Position
from trading.services import intents
from trading.turn import catch_up

# What is tried is the formats; the database is tried with the same trader in `test_other_binance`.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]
D = Decimal


class Desk(Trader):
    """A trader whose quotes are taken from the exchange's own book before each turn (wires have no sockets)."""

    def __init__(self, wire: Wire, **config: Any) -> None:
        self.wire = wire
        words = {"key": KEY, "secret": SECRET, "passphrase": PASSPHRASE if wire.has_passphrase else ""}
        super().__init__(wire.core, exchange=wire.exchange, **words, **config)

    every_s = 0.1

    def work(self) -> None:
        self.quotes_show()
        super().work()

    def quotes_show(self) -> None:
        rows = []
        for instrument in Instrument.objects.filter(exchange=self.wire.exchange):
            market = self.wire.market(instrument.market_id)
            size = market.lot * 4000
            rows.append(QuoteRow(instrument.symbol, market.bid, market.ask, size, size, now()))
        publish(self.wire.exchange, rows)


def _forget() -> None:
    cache.clear()
    budget.budgets_forget()
    clocks.forget()
    quotes_forget()
    wiring.process_started()


@pytest.fixture
def wire(request, settings, monkeypatch) -> Iterator[Any]:
    """`wire(exchange, fees=...)` serves it and points the platform at it."""
    _forget()
    monkeypatch.setattr(catch_up, "QUIET_S", (1, 1))
    made: list[Wire] = []

    def start(exchange: str, **mode: Any) -> Wire:
        one = WIRES[exchange](OtherBinance(volatility=0.0005, **mode))
        url = one.__enter__()
        settings.XRAY_EXCHANGE_ENDPOINTS = json.dumps({exchange: {"rest": url, "ws": url.replace("http", "ws")}})
        settings.XRAY_EXCHANGE_TIMEOUT_S = 1.0
        markets_load(exchange=exchange)
        made.append(one)
        return one

    yield start
    loop.run(clients_close(), timeout_s=10)
    for one in made:
        one.__exit__()
    _forget()


@pytest.mark.parametrize(("exchange", "fees"), [*((name, "received") for name in WIRES), ("bybit", "quote")])
def test_every_order_once_and_fills_to_the_last_digit(wire, exchange, fees) -> None:
    here = wire(exchange, fees=fees)
    desk = Desk(here)
    desk.quotes_show()
    assert desk.account.verification == ("unproven" if exchange == "mexc" else "verified")
    desk.sell(desk.buy("ETH/USDT"))
    for fault, symbol in (("502", "SOL/USDT"), ("empty", "DOGE/USDT"), ("reset", "PEPE/USDT")):
        here.faults[fault] = 1
        position = desk.buy(symbol)
        here.faults[fault] = 1
        desk.sell(position)
    _rested(desk)
    desk.settled()
    desk.ledgers_equal()
    assert Position.objects.filter(status="closed").count() == 5


def _rested(desk: Desk) -> None:
    """A limit order that is filled in parts as a maker; another one, partly filled, is cancelled."""
    market = desk.wire.market("ETHUSDT")
    request = {"bot": desk.bot, "symbol": "ETH/USDT", "amount_quote": "80", "actor": desk.user}
    intents.entry_request(**request, limit_price=str((market.bid * D("0.99")).quantize(D("0.1"))))
    order = desk.until(lambda: Order.objects.filter(type="limit", status="active").first())
    market.price *= D("0.97")
    desk.until(lambda: Order.objects.filter(pk=order.pk, status="filled").exists())
    assert Fill.objects.filter(order=order, maker=True).count() == 2
    desk.sell(order.position)
    intents.entry_request(**request, limit_price=str((market.bid * D("0.8")).quantize(D("0.1"))))
    resting = desk.until(lambda: Order.objects.filter(type="limit", status="active").first())
    intents.orders_cancel_request(orders=[resting], actor=desk.user)
    desk.until(lambda: Order.objects.filter(pk=resting.pk, status="cancelled").exists())


@pytest.mark.parametrize("exchange", WIRES)
def test_a_lost_answer_to_an_order_that_ended_in_part_is_found(wire, exchange) -> None:
    """Where lists are told apart by state, an order that was filled in part and then cancelled must be in one."""
    here = wire(exchange)
    desk = Desk(here)
    market = here.market("ETHUSDT")
    here.faults["empty"] = 1
    price = str((market.bid * D("0.99")).quantize(D("0.1")))
    intents.entry_request(bot=desk.bot, symbol="ETH/USDT", amount_quote="80", actor=desk.user, limit_price=price)
    desk.work()
    order = Order.objects.get()
    assert order.status == "unknown" and len(here.core.orders) == 1
    (theirs,) = here.core.orders
    here.core._fill(theirs, market.lot * 5, theirs["price"], maker=True)
    here.cancelled(theirs)
    desk.until(lambda: Order.objects.filter(pk=order.pk, status="cancelled").exists())
    assert Fill.objects.get().amount == market.lot * 5 and len(here.core.orders) == 1
    desk.ledgers_equal()


@pytest.mark.parametrize("exchange", WIRES)
def test_a_wrong_secret_is_said_and_nothing_is_sent(wire, exchange) -> None:
    here = wire(exchange)
    desk = Desk(here)
    words = {"api_key": KEY, "api_secret": "d3Jvbmc=", "passphrase": desk.passphrase}
    account = account_replace_keys(account=desk.account, **words, actor=desk.user)
    account_verify(account_id=account.pk)
    account.refresh_from_db()
    assert account.verification not in ("verified", "unproven")
    assert not here.core.orders


@pytest.mark.parametrize("exchange", WIRES)
def test_what_cannot_be_traded_is_refused_once(wire, exchange) -> None:
    here = wire(exchange)
    desk = Desk(here, capital_per_trade="60")
    here.core.accounts[KEY]["free"]["USDT"] = D(30)  # taken out behind our back
    intents.entry_request(bot=desk.bot, symbol="SOL/USDT", amount_quote="60", actor=desk.user)
    desk.work()
    desk.settled()
    assert [order.status for order in Order.objects.all()] in ([], ["rejected"])
    assert not here.core.orders


UNHEARD = "What nobody has heard of."
ANSWERS = {
    "okx": [
        ({"code": "1", "data": [{"sCode": "51149", "sMsg": "Order timed out."}], "msg": ""}, 200, "unknown"),
        ({"code": "50026", "data": [], "msg": "System error."}, 500, "unknown"),
        ({"code": "987654", "data": [], "msg": UNHEARD}, 200, "unknown"),
        ({"code": "1", "data": [{"sCode": "51008", "sMsg": "Insufficient."}], "msg": ""}, 200, "rejected"),
    ],
    "bybit": [
        ({"retCode": 10016, "retMsg": "Server error.", "result": {}}, 200, "unknown"),
        ({"retCode": 170007, "retMsg": "Timeout waiting for response.", "result": {}}, 200, "unknown"),
        ({"retCode": 987654, "retMsg": UNHEARD, "result": {}}, 200, "unknown"),
        ({"retCode": 170146, "retMsg": "Order creation timeout", "result": {}}, 200, "unknown"),
        ({"retCode": 170131, "retMsg": "Balance insufficient.", "result": {}}, 200, "rejected"),
    ],
    "kucoin": [
        ({"code": "500000", "msg": "Internal Server Error"}, 500, "unknown"),
        ({"code": "987654", "msg": UNHEARD}, 200, "unknown"),
        ({"code": "408000", "msg": "Network timeout, please try again later"}, 200, "unknown"),
        ({"code": "200004", "msg": "Balance insufficient!"}, 200, "rejected"),
    ],
    "mexc": [
        ({"code": 987654, "msg": UNHEARD}, 400, "unknown"),
        ({"code": 30004, "msg": "Insufficient position"}, 400, "rejected"),
        ({"code": 10007, "msg": "symbol not support api"}, 400, "rejected"),
    ],
}


@pytest.mark.parametrize("exchange", WIRES)
def test_what_is_not_a_clear_refusal_is_looked_up(wire, exchange) -> None:
    here = wire(exchange)
    desk = Desk(here, max_positions=9)
    symbols = ("SOL/USDT", "ETH/USDT", "DOGE/USDT", "PEPE/USDT", "BNB/USDT", "BTC/USDT")
    answers = [*ANSWERS[exchange], (here.refusal(-2010, "Duplicate order sent.").body, 200, "unknown")]
    for symbol, (body, status, ends) in zip(symbols, answers, strict=False):
        here.scripted[here.order_route] = Answer(body, status)
        intents.entry_request(bot=desk.bot, symbol=symbol, amount_quote="60", actor=desk.user)
        desk.work()
        order = Order.objects.get(instrument__symbol=symbol)
        assert order.status == ends, (body, order.reason)


@pytest.mark.parametrize("exchange", WIRES)
@pytest.mark.parametrize("what", ["order", "stop"])
def test_what_never_arrived_is_proved_absent_and_what_is_asked_again_is_one_order(wire, exchange, what) -> None:
    if what == "stop" and exchange not in STOPPING:
        pytest.skip("no stop rests there")
    ahead = timedelta(0)
    with clock_set(lambda: datetime.now(UTC) + ahead):
        desk = covered(wire, exchange) if what == "stop" else Desk(wire(exchange))
        desk.quotes_show()
        (desk.wire.faults_of_stops if what == "stop" else desk.wire.faults)["lost"] = 1
        intent = intents.entry_request(bot=desk.bot, symbol="ETH/USDT", amount_quote="60", actor=desk.user)
        desk.until(lambda: Order.objects.filter(status="unknown").first())
        lost = Order.objects.get(status="unknown")
        for _ in range(6):
            ahead += timedelta(seconds=14)
            desk.work()
        lost.refresh_from_db()
        assert (lost.status, "never reached" in lost.reason) == ("rejected", True)
        if what == "order":
            intent.refresh_from_db()
            assert intent.status == "failed"
            desk.buy("ETH/USDT")
        ahead += RETRY_LONGEST
        desk.sell(Position.objects.get(status="open"))
    desk.ledgers_equal()


def test_every_exchange_says_what_a_trades_fee_was() -> None:
    """One that does not is no trade to book: it would be free."""
    assert all(quirks_for(name).fee_field for name in NAMES)


STOPPING = [name for name in WIRES if quirks_for(name).stop_create is not None]
PAIRING = [name for name in WIRES if quirks_for(name).pair_create is not None]


def covered(wire, exchange: str) -> Desk:
    """A trader whose bot wants its stops at the exchange, 5 % below the entry."""
    desk = Desk(wire(exchange), protection="exchange", stop_loss="0.05")
    desk.quotes_show()
    return desk


def stop_of(desk: Desk) -> tuple[Order, dict]:
    """The stop that rests, as it stands here and there."""
    ours = desk.until(lambda: Order.objects.filter(type="stop", status="active").first())
    (theirs,) = [order for order in desk.other.orders if order["status"] == "WAITING"]
    assert (theirs["client"], theirs["stop"], theirs["amount"]) == (ours.client_order_id, ours.price, ours.amount)
    target = Position.objects.get(status="open").target_price if desk.wire.exchange in PAIRING else None
    assert theirs["target"] == ours.target == target
    return ours, theirs


def look_again(desk: Desk) -> None:
    """As after a start: the account is compared with its exchange first."""
    cache.clear()
    wiring.process_started()
    desk.work()


@pytest.mark.parametrize("exchange", STOPPING)
def test_a_stop_rests_is_taken_back_and_sells_to_the_last_digit(wire, exchange) -> None:
    desk = covered(wire, exchange)
    position = desk.buy("ETH/USDT")
    stop_of(desk)
    desk.sell(position)
    assert Order.objects.filter(type="stop", status="cancelled").count() == 1
    desk.ledgers_equal()
    desk.buy("SOL/USDT")
    ours, theirs = stop_of(desk)
    desk.other.stop_fires(theirs)
    look_again(desk)
    desk.until(lambda: Position.objects.filter(status="closed", close_reason="stop_loss").exists())
    ours.refresh_from_db()
    kinds = {one["kind"] for row in AccountCheck.objects.all() for one in row.findings}
    assert ours.status == "filled" and kinds <= {"missing_fill"}, "taken for somebody's hand"
    desk.ledgers_equal()


@pytest.mark.parametrize("exchange", STOPPING)
def test_a_stop_that_does_not_fire_when_it_is_reached_is_taken_back(wire, exchange) -> None:
    """As at Bybit, where one that the market has overtaken on its way waits for the rise."""
    desk = covered(wire, exchange)
    desk.buy("ETH/USDT")
    ours, theirs = stop_of(desk)
    theirs["market"].price = ours.price - theirs["market"].tick
    desk.until(lambda: Position.objects.filter(status="closed", close_reason="stop_loss").exists())
    ours.refresh_from_db()
    assert (ours.status, ours.filled, theirs["status"]) == ("cancelled", 0, "CANCELED")
    desk.ledgers_equal()


@pytest.mark.parametrize("exchange", PAIRING)
def test_a_target_that_fires_there_takes_the_profit(wire, exchange) -> None:
    desk = covered(wire, exchange)
    desk.buy("ETH/USDT")
    ours, theirs = stop_of(desk)
    market = theirs["market"]
    market.price = ours.target + market.tick
    desk.other.stop_fires(theirs)
    look_again(desk)
    desk.until(lambda: Position.objects.filter(status="closed", close_reason="take_profit").exists())
    desk.ledgers_equal()


@pytest.mark.parametrize("exchange", STOPPING)
@pytest.mark.parametrize("fault", ["502", "empty", "reset"])
def test_a_stop_whose_answer_is_lost_rests_once(wire, exchange, fault) -> None:
    desk = covered(wire, exchange)
    here = desk.wire
    here.faults_of_stops[fault] = 1
    desk.buy("ETH/USDT")
    stop_of(desk)
    assert not here.faults_of_stops[fault]
    desk.sell(Position.objects.get())
    desk.ledgers_equal()


@pytest.mark.parametrize("exchange", STOPPING)
def test_a_stop_that_fires_before_its_lost_answer_is_found_is_one_order(wire, exchange) -> None:
    """Where it is looked for first it is not shown: what it has sold tells of it, as of our order and nobody's hand."""
    desk = covered(wire, exchange)
    desk.wire.faults_of_stops["reset"] = 1
    intents.entry_request(bot=desk.bot, symbol="ETH/USDT", amount_quote="80", actor=desk.user)
    until(lambda: desk.work() or Order.objects.filter(type="stop", status="unknown").exists())
    (theirs,) = [order for order in desk.other.orders if order["status"] == "WAITING"]
    desk.wire.unlisted = True
    desk.other.stop_fires(theirs)
    look_again(desk)
    desk.until(lambda: Position.objects.filter(status="closed").exists())
    assert Position.objects.get().close_reason == "stop_loss"
    desk.ledgers_equal()


@pytest.mark.parametrize("exchange", [name for name in WIRES if name not in STOPPING])
def test_where_none_can_rest_the_platform_holds_the_stop(wire, exchange) -> None:
    desk = covered(wire, exchange)
    desk.buy("ETH/USDT")
    for _ in range(3):
        desk.work()
    assert not Order.objects.filter(type="stop").exists() and quirks_for(exchange).no_stop
