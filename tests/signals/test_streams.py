import asyncio
import threading
from datetime import UTC, datetime, timedelta

import ccxt
import pytest

from accounts.clock import clock_set, now
from signals import quotes, streams, tasks
from signals.candles.feed import candles_get
from signals.exchange_clock import ExchangeClock
from signals.leases import LEASE_S, lease_release, lease_take, owner_name
from signals.market_feed import Changes, MarketFeed
from signals.models import ExchangeState
from signals.services.exchange_state import exchange_failed

MINUTE = 60_000


class Sockets:
    """What the streams ask of a ccxt.pro client and of a REST client."""

    def __init__(self, now_ms) -> None:
        self.has, self.options, self.session = {"watchBidsAsks": True}, {}, None
        self.bidsasks, self.tickers, self.ohlcvs = {}, {}, {}
        self.now_ms, self.broken, self.closed = now_ms, None, 0

    async def load_markets(self, reload=False):
        return {}

    async def fetch_time(self):
        if self.broken:
            raise self.broken
        return self.now_ms()

    async def watch_bids_asks(self, symbols):
        await asyncio.sleep(0.01)
        return self.bidsasks

    async def watch_ohlcv_for_symbols(self, pairs):
        await asyncio.sleep(0.01)
        return self.ohlcvs

    async def close(self):
        self.closed += 1


@pytest.fixture
def sockets(monkeypatch):
    from accounts.exchanges import factory

    made = Sockets(lambda: int(now().timestamp() * 1000))
    for name in ("public_client", "public_stream_client"):
        monkeypatch.setattr(factory, name, lambda _exchange, **_options: made)
    return made


@pytest.fixture
def woken(monkeypatch):
    calls, event = [], threading.Event()

    def delay(*given):
        calls.append(given)
        event.set()

    monkeypatch.setattr(tasks.scan_candle, "delay", delay)
    return calls, event


def in_thread(stop):
    thread = threading.Thread(target=streams.streams_main, args=("binance", stop))
    thread.start()
    return thread


def ended(thread, stop) -> bool:
    stop.set()
    thread.join(5)
    return not thread.is_alive()


def ticker(bid, ask):
    return {"bid": bid, "ask": ask, "bidVolume": 3.0, "askVolume": 4.0}


@pytest.mark.django_db(transaction=True)
def test_one_holder_of_the_lease_until_it_runs_out():
    first, second = owner_name(), owner_name()
    assert lease_take(exchange="binance", owner=first) and lease_take(exchange="binance", owner=first)
    assert not lease_take(exchange="binance", owner=second)
    assert lease_take(exchange="okx", owner=second)
    later = now() + timedelta(seconds=LEASE_S + 1)
    with clock_set(lambda: later):
        assert lease_take(exchange="binance", owner=second)
        assert not lease_take(exchange="binance", owner=first)
        lease_release(exchange="binance", owner=first)
        assert not lease_take(exchange="binance", owner=first)
        lease_release(exchange="binance", owner=second)
        assert lease_take(exchange="binance", owner=first)


@pytest.mark.django_db(transaction=True)
def test_start_scans_the_last_closed_candle_publishes_quotes_and_stops(market, sockets, woken, monkeypatch):
    monkeypatch.setattr(streams, "exchange_prepare", lambda exchange: [])
    sockets.bidsasks = {"C0/USDT": ticker(1.5, 1.6), "C1/USDT": ticker(2.0, 1.9), "XX/USDT": ticker(1.0, 1.1)}
    calls, event = woken
    quoted, started = threading.Event(), []
    quotes.on_quotes(lambda *_: quoted.set())

    async def hook_run():
        await asyncio.Event().wait()

    def hook(exchange, loop):
        started.append((exchange, loop.is_running()))
        return hook_run()

    monkeypatch.setattr(streams, "_on_start", [hook])
    stop = threading.Event()
    thread = in_thread(stop)
    assert event.wait(10) and quoted.wait(10)
    exchange, timeframe, candle_ms = calls[0]
    assert (exchange, timeframe) == ("binance", "1m") and candle_ms % MINUTE == 0
    assert MINUTE + 2000 <= sockets.now_ms() - candle_ms <= 2 * MINUTE + 12_000
    assert sorted(quotes.latest_all("binance")) == ["C0/USDT"]
    assert started == [("binance", True)]
    assert ended(thread, stop) and sockets.closed >= 1
    state = ExchangeState.objects.get(exchange="binance")
    assert (state.streams_owner, state.connection) == ("", "down") and state.last_event_at is not None
    assert quotes.latest_all("binance") == {}


@pytest.mark.django_db(transaction=True)
def test_an_unreachable_exchange_is_one_line_and_a_state(market, sockets, woken, monkeypatch, caplog):
    monkeypatch.setattr(streams, "exchange_prepare", lambda exchange: [])
    monkeypatch.setattr(streams, "BACKOFF_S", (0.01, 0.02))
    failed = threading.Semaphore(0)

    def noted(**given):
        exchange_failed(**given)
        failed.release()

    monkeypatch.setattr(streams.exchange_state, "exchange_failed", noted)
    sockets.broken = ccxt.NetworkError("connection refused")
    stop = threading.Event()
    thread = in_thread(stop)
    assert failed.acquire(timeout=10) and failed.acquire(timeout=10)
    assert ended(thread, stop)
    state = ExchangeState.objects.get(exchange="binance")
    assert state.consecutive_errors >= 2 and "binance" in state.last_error
    lines = [record for record in caplog.records if record.name == "signals.streams" and record.levelname == "WARNING"]
    assert "XRAY_EXCHANGE_ENDPOINTS" in lines[0].getMessage()
    assert all(record.exc_info is None or record.exc_info is False for record in lines) and not woken[0]


@pytest.mark.django_db(transaction=True)
def test_a_second_process_waits(market, sockets, woken, monkeypatch):
    monkeypatch.setattr(streams, "exchange_prepare", lambda exchange: [])
    assert lease_take(exchange="binance", owner="somebody else", seconds=60)
    asked = threading.Event()
    taken = streams.lease_take

    def noted(**given):
        asked.set()
        return taken(**given)

    monkeypatch.setattr(streams, "lease_take", noted)
    stop = threading.Event()
    thread = in_thread(stop)
    assert asked.wait(10)
    assert ended(thread, stop) and not woken[0]
    assert ExchangeState.objects.get(exchange="binance").streams_owner == "somebody else"


def feed_of(sockets) -> MarketFeed:
    return MarketFeed("binance", sockets, ["A/USDT", "B/USDT", "C/USDT"], ["1m"])


def test_final_candles_need_a_later_candle_and_an_unbroken_socket(sockets):
    made = feed_of(sockets)
    sockets.ohlcvs = {
        "A/USDT": {"1m": [[0, 1, 1, 1, 1, 1], [MINUTE, 2, 3, 1, 2, 9], [2 * MINUTE, 2, 2, 2, 2, 0]]},
        "B/USDT": {"1m": [[MINUTE, 2, 3, 1, 2, 9]]},
    }
    assert made.final_candles("1m", MINUTE, 2 * MINUTE) == {}
    made.candles_since_ms = MINUTE + 30_000
    assert made.final_candles("1m", MINUTE, 2 * MINUTE) == {"A/USDT": [MINUTE, 2, 3, 1, 2, 9]}
    assert made.final_candles("1m", 0, MINUTE) == {}


def test_quotes_are_sampled_on_change_and_confirmed_now_and_then():
    made = Changes(["A/USDT", "B/USDT", "C/USDT"])
    made.rows({})
    tickers = {"A/USDT": ticker(1e-9, 1.1e-9), "B/USDT": ticker(0, 1), "C/USDT": {"bid": None, "ask": 1.0}}
    (row,) = made.rows(tickers)
    assert (str(row.bid), str(row.ask), row.bid_size) == ("1E-9", "1.1E-9", 3)
    assert made.rows(tickers) == []
    made._renewed = float("-inf")
    assert [row.symbol for row in made.rows(tickers)] == ["A/USDT"]


@pytest.mark.django_db(transaction=True)
def test_the_wake_up_hands_over_websocket_candles(market, sockets, woken, monkeypatch):
    monkeypatch.setattr(streams, "exchange_prepare", lambda exchange: [])
    now_ms = sockets.now_ms()
    last = (now_ms - streams.CLOSE_GRACE_MS) // MINUTE * MINUTE - MINUTE
    sockets.ohlcvs = {"C0/USDT": {"1m": [[last, 1, 2, 1, 2, 5], [last + MINUTE, 2, 2, 2, 2, 1]]}}
    holder = streams.Streams("binance", threading.Event(), streams.scan_queue)
    holder.feed = MarketFeed("binance", sockets, ["C0/USDT"], ["1m"])
    holder.feed.candles_since_ms = last
    asyncio.run(holder._wake("1m", last, last + MINUTE))
    holder.close()
    assert woken[0] == [("binance", "1m", last)]
    assert candles_get("binance", "1m", last)["C0/USDT"][4] == 2.0


async def test_a_slow_answer_never_makes_the_exchange_clock_run_ahead(sockets):
    ours = [1_000_000.0]

    async def answer():
        before = ours[0]
        ours[0] += delays.pop(0)
        return int((before + 0.1) * 1000) + 5000

    sockets.fetch_time = answer
    with clock_set(lambda: datetime.fromtimestamp(ours[0], UTC)):
        clock = ExchangeClock("binance")
        for given, least in (([0.1], 5000), ([4.0, 3.0, 0.3, 8.0], 4800), ([9.0] * 4, -3900)):
            delays = list(given)
            await clock.sync()
            assert clock.offset_ms == least
