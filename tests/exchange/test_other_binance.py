"""The whole pipeline at a server that is not ours: connect, scan, trade through faults; both ledgers are equal."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.core.exceptions import ValidationError

from accounts.clock import clock_set, now
from accounts.exchanges import budget, loop
from accounts.exchanges.errors import ExchangeAmbiguous, ExchangeRetry
from accounts.exchanges.factory import clients_close
from accounts.models import ExchangeAccount, Notice
from accounts.services.exchange_accounts import account_replace_keys, account_verify
from accounts.services.verification import account_unreachable
from signals.models import Instrument, Signal
from signals.quotes import latest, quotes_forget
from signals.services.candles import windows_forget
from signals.services.scan import scan_run
from signals.services.setup import exchange_prepare
from tests.exchange.desk import Trader, streaming, until
from tests.exchange.other_binance import OtherBinance
from tests.exchange.other_server import OtherServer
from trading import wiring
from trading.models import Fill, Intent, Order, Position
from trading.services import intents
from trading.turn import catch_up

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]
D = Decimal


class Place:
    """A running server and the platform pointed at it."""

    def __init__(self, settings, **mode) -> None:
        self.other = OtherBinance(**mode)
        self.other.account_add("other-key-1", "other-secret-1", USDT="5000", BNB="0.75")
        self.other.account_add("other-key-2", "other-secret-2", withdraw=True, USDT="5000")
        self.server = OtherServer(self.other)
        url = self.server.__enter__()
        settings.XRAY_EXCHANGE_ENDPOINTS = f'{{"binance": {{"rest": "{url}", "ws": "{url.replace("http", "ws")}"}}}}'
        settings.XRAY_EXCHANGE_TIMEOUT_S = 1.0

    def leave(self) -> None:
        loop.run(clients_close(), timeout_s=10)
        self.server.__exit__()


def _forget() -> None:
    cache.clear()
    budget.budgets_forget()
    quotes_forget()
    windows_forget()
    wiring.process_started()


@pytest.fixture
def place(settings, monkeypatch):
    _forget()
    monkeypatch.setattr(catch_up, "QUIET_S", (1, 1))
    places: list[Place] = []

    def made(**mode) -> Place:
        places.append(Place(settings, **mode))
        return places[-1]

    yield made
    for one in places:
        one.leave()
    _forget()


MODES = [
    {"fees": "received", "stream": "ws_api"},
    {"fees": "bnb", "stream": "listen_key", "sapi": False, "offset_ms": 1500},
    {"fees": "quote", "stream": "ws_api", "sapi": False, "offset_ms": -1500},
]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode["fees"])
def test_every_order_once_and_fills_to_the_last_digit(place, mode) -> None:
    here = place(**mode)
    assert "LUNA/USDT" not in exchange_prepare(exchange="binance")
    trader = Trader(here.other)
    assert trader.account.verification == ("verified" if mode.get("sapi", True) else "unproven")
    with streaming():
        _scanned_and_traded(trader)
        for fault, symbol in (("502", "ADA/USDT"), ("empty", "DOGE/USDT"), ("reset", "PEPE/USDT")):
            here.server.control(fault=fault)
            position = trader.buy(symbol)
            here.server.control(fault=fault)
            _result_right(trader.sell(position), mode["fees"])
        _result_right(trader.sell(trader.buy("BNB/USDT")), mode["fees"])
        _rested(trader, here)
    trader.settled()
    trader.ledgers_equal()


def _scanned_and_traded(trader: Trader) -> None:
    """What the scan finds becomes intents, and those become orders at the exchange."""
    minute = now().replace(second=0, microsecond=0) - timedelta(minutes=1)
    with clock_set(lambda: max(datetime.now(UTC), minute + timedelta(seconds=63))):
        scan = scan_run(exchange="binance", timeframe="1m", candle_open_time=minute)
    assert scan and (scan.instruments, scan.late, scan.error) == (7, 0, "")
    assert Signal.objects.exists()
    follower = trader.bot_made("follower", confidence_threshold="0.2")
    newest = Signal.objects.order_by("-candle_open_time").values_list("pk", flat=True)
    intents.intents_fan_out(signal_ids=list(newest[:20]))
    trader.until(lambda: not Intent.objects.filter(status="pending").exists())
    assert not Intent.objects.filter(bot=follower, purpose="entry", status="failed").exists()


def _rested(trader: Trader, here: Place) -> None:
    """A limit order below the market: filled in parts when the market comes down, another one cancelled."""
    bid = here.other.markets["ETHUSDT"].bid
    request = {"bot": trader.bot, "symbol": "ETH/USDT", "amount_quote": "80", "actor": trader.user}
    intents.entry_request(**request, limit_price=str((bid * D("0.99")).quantize(D("0.1"))))
    order = trader.until(lambda: Order.objects.filter(type="limit", status="active").first())
    here.server.control(move="-0.03")
    trader.until(lambda: Order.objects.filter(pk=order.pk, status="filled").exists())
    assert Fill.objects.filter(order=order, maker=True).count() == 2
    trader.sell(order.position)
    intents.entry_request(**request, limit_price=str((bid * D("0.8")).quantize(D("0.1"))))
    resting = trader.until(lambda: Order.objects.filter(type="limit", status="active").first())
    intents.orders_cancel_request(orders=[resting], actor=trader.user)
    trader.until(lambda: Order.objects.filter(pk=resting.pk, status="cancelled").exists())


def _result_right(position: Position, fees: str) -> None:
    """From the fills alone: what the quote currency changed by, with fees taken elsewhere valued, and without the cost
    of what is left over and owned still."""
    rows = list(Fill.objects.filter(order__position=position))
    moved = sum((f.amount * f.price * (-1 if f.side == "buy" else 1) for f in rows), D(0))
    quote = sum((f.fee for f in rows if f.fee_currency == "USDT"), D(0))
    third = position.fees_cash - quote
    kept = sum((f.amount * (-1 if f.side == "sell" else 1) for f in rows), D(0))
    kept -= sum((f.fee for f in rows if f.side == "buy" and f.fee_currency == position.instrument.base), D(0))
    assert (position.dust, position.cost_moved) == (kept, 0)
    held_ever = kept + position.sold
    assert abs(position.dust_cost - position.buy_cost * kept / held_ever) < D("1e-11")
    assert position.realised_pnl == moved + position.dust_cost - position.fees_cash
    assert bool([f for f in rows if f.fee_currency == "BNB"]) or not third
    if fees == "bnb":
        value = sum((f.amount * f.price for f in rows), D(0)) * D("0.00075")
        assert abs(position.fees_quote / value - 1) < D("0.02")


@pytest.mark.parametrize("fault", ["", "502", "empty", "reset"])
@pytest.mark.parametrize("reached", ["target", "stop", ""])
def test_stop_and_target_rest_as_one_order_and_one_of_them_sells(place, fault, reached) -> None:
    here = place(fees="bnb", volatility=0.0)
    exchange_prepare(exchange="binance")
    trader = Trader(here.other, protection="exchange", stop_loss="0.05", profit_target="0.05")
    with streaming():
        if fault:
            here.server.control(fault=fault, count=2)  # the entry's answer and the pair's
        position = trader.buy("SOL/USDT")
        pair = trader.until(lambda: Order.objects.filter(type="stop", status="active").first())
        assert pair.target is not None and (not fault or not here.other.faults[fault])
        if reached:
            here.server.control(move={"target": "0.08", "stop": "-0.08"}[reached])
            trader.until(lambda: Position.objects.filter(pk=position.pk, status="closed").exists(), 30.0)
            position.refresh_from_db()
            assert position.close_reason == {"target": "take_profit", "stop": "stop_loss"}[reached]
        else:
            trader.sell(position)
    pair.refresh_from_db()
    assert bool(pair.filled) == bool(reached)  # the target fills in two parts, and what is left may be sold at once
    assert pair.status in {"target": ("filled", "cancelled"), "stop": ("filled",), "": ("cancelled",)}[reached]
    trader.settled()
    trader.ledgers_equal()


def test_a_late_a_lost_and_a_restarted_exchange_lose_nothing(place) -> None:
    here = place(fees="bnb")
    exchange_prepare(exchange="binance")
    trader = Trader(here.other)
    with streaming():
        position = trader.buy("SOL/USDT")
        here.server.control(fault="timeout")
        other = trader.buy("ADA/USDT")
        here.server.control(fault="slow")  # accepted after we gave up waiting, and after the first look for it
        trader.sell(position)
        here.server.control(restart=1.0)
        until(lambda: here.server.runner)
        trader.sell(other)
    trader.settled()
    trader.ledgers_equal()


def test_a_delisted_symbol_keeps_its_position_and_five_errors_pause_the_bot(place) -> None:
    here = place()
    exchange_prepare(exchange="binance")
    trader = Trader(here.other)
    with streaming():
        position = trader.buy("SOL/USDT")
        here.server.control(**{"break": "SOLUSDT"})
        for _ in range(5):
            intents.position_close_request(position=position, actor=trader.user)
            Position.objects.filter(pk=position.pk).update(retry_at=now())  # the pauses between tries grow to minutes
            count = Order.objects.filter(status="rejected").count()
            trader.until(lambda count=count: Order.objects.filter(status="rejected").count() > count)
        assert "closed" in Order.objects.filter(status="rejected").latest("id").reason
        trader.bot.refresh_from_db()
        assert trader.bot.status == "paused" and "5 errors in a row" in trader.bot.status_reason
        assert Notice.objects.filter(user=trader.user, title__contains="was paused").exists()
        here.server.control(trade="SOLUSDT")
        Position.objects.filter(pk=position.pk).update(retry_at=now())
        trader.sell(position)
    trader.ledgers_equal()


def test_too_small_an_order_is_refused_in_words(place) -> None:
    here = place()
    exchange_prepare(exchange="binance")
    assert Instrument.objects.get(symbol="BTC/USDT").min_notional == 10  # the NOTIONAL filter alone says so
    trader = Trader(here.other)
    request = {"bot": trader.bot, "symbol": "BTC/USDT", "actor": trader.user}
    with pytest.raises(ValidationError, match=r"[Aa]t least 10"):
        intents.entry_request(**request, amount_quote="9")
    with streaming():
        until(lambda: latest("binance", "BTC/USDT"))
        intent = intents.entry_request(**request, amount_quote="10.05")
        trader.until(lambda: Intent.objects.filter(pk=intent.pk, status="denied").exists())
    intent.refresh_from_db()
    assert "the smallest order is 10 USDT" in intent.reason and not here.other.orders


@pytest.mark.parametrize(
    ("key", "secret", "state", "words"),
    [
        ("nobody-knows-me", "other-secret-1", "refused", "wrong or revoked"),
        ("other-key-1", "not-the-secret", "refused", "wrong or revoked"),
        ("other-key-2", "other-secret-2", "refused", "may withdraw"),
    ],
)
def test_bad_keys_are_refused_in_words(place, key, secret, state, words) -> None:
    trader = Trader(place().other)
    account = account_replace_keys(account=trader.account, api_key=key, api_secret=secret, actor=trader.user)
    account_verify(account_id=account.pk)
    account.refresh_from_db()
    assert account.verification == state and words in account.verification_detail


def test_an_endpoint_that_is_no_exchange_is_said(place, settings) -> None:
    here = place()
    trader = Trader(here.other)
    account = trader.account
    ExchangeAccount.objects.update(verification="unverified")
    here.server.control(fault="html", count=100)
    with pytest.raises(ExchangeAmbiguous, match=r"a page .* instead of data: check its address"):
        account_verify(account_id=account.pk)
    with pytest.raises(ExchangeRetry, match="instead of data"):
        exchange_prepare(exchange="binance")
    here.server.control(fault="html", count=0)
    here.server.__exit__()
    with pytest.raises(ExchangeRetry, match="cannot be reached") as found:
        account_verify(account_id=account.pk)
    account_unreachable(account_id=account.pk, reason=str(found.value))
    assert "cannot be reached" in ExchangeAccount.objects.get(pk=account.pk).verification_detail
