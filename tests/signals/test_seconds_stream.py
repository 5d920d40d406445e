"""1-second candles from a real trade stream: the practice exchange, unmodified ccxt.pro, a socket that is cut."""

import asyncio
import json
import threading
from types import SimpleNamespace

import ccxt.async_support
import numpy as np
import pytest

from accounts.exchanges import budget, loop
from accounts.exchanges.factory import clients_close
from signals import quotes, seconds, streams, trade_feed
from signals.candles.seconds import BUY, COLUMNS, TRADES, Seconds, SecondsBook
from signals.candles.seconds_store import seconds_history
from signals.seconds import seconds_read, seconds_share
from tests.exchange.desk import streaming, until
from tests.practice.clients import Process, client

BTC = "BTC/USDT"


class Line:
    """A TCP line to a server that can be cut."""

    def __init__(self, url: str) -> None:
        self.host, _, port = url.removeprefix("http://").partition(":")
        self.to, self.loop, self.open = int(port), asyncio.new_event_loop(), []
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.server = self._run(asyncio.start_server(self._joined, "127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def _joined(self, reader, writer) -> None:
        there_reader, there_writer = await asyncio.open_connection(self.host, self.to)
        self.open += [writer, there_writer]
        await asyncio.gather(self._copy(reader, there_writer), self._copy(there_reader, writer), return_exceptions=True)

    @staticmethod
    async def _copy(reader, writer) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    def cut(self) -> None:
        def abort() -> None:
            for writer in self.open:
                writer.transport.abort()
            self.open.clear()

        self.loop.call_soon_threadsafe(abort)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.server.close)
        self.cut()
        self.loop.call_soon_threadsafe(self.loop.stop)


@pytest.fixture
def exchange(tmp_path, settings, monkeypatch):
    """A practice exchange whose sockets go through a line that can be cut."""
    budget.budgets_forget()
    process = Process(tmp_path / "exchange", "--weight-limit", "1000000")
    line = Line(process.url)
    endpoints = {"binance": {"rest": process.url, "ws": line.url}}
    settings.XRAY_EXCHANGE_ENDPOINTS, settings.XRAY_SECONDS, settings.XRAY_SECONDS_STORE = (
        json.dumps(endpoints),
        True,
        True,
    )
    settings.BASE_MAX_SYMBOLS = 5
    monkeypatch.setattr(streams, "_on_start", [])  # only the market, no trading
    monkeypatch.setattr(quotes, "_callbacks", [])
    monkeypatch.setattr(streams, "BACKOFF_S", (0.1, 1.0))
    monkeypatch.setattr("signals.trade_feed.STORE_EVERY_S", 5)
    monkeypatch.setattr("signals.trade_feed.STORE_AFTER_S", 3)
    yield process, line
    loop.run(clients_close(), timeout_s=10)
    line.stop()
    process.stop()
    budget.budgets_forget()


async def trades_of(url: str, since: int, until_ms: int) -> list[dict]:
    """What the exchange itself says was traded, by REST."""
    binance = client(ccxt.async_support.binance, url)
    try:
        await binance.load_markets()
        found, start = [], since
        while start < until_ms:
            page = await binance.fetch_trades(BTC, since=start, limit=1000, params={"until": until_ms})
            if not page:
                break
            found += page
            start = page[-1]["timestamp"] + 1
        return found
    finally:
        await binance.close()


def expected(trades: list[dict], at: int, carried: float) -> list[float]:
    mine = [trade for trade in trades if at <= trade["timestamp"] < at + 1000]
    prices = [trade["price"] for trade in mine] or [carried]
    bought = sum(trade["amount"] for trade in mine if trade["side"] == "buy")
    total = sum(trade["amount"] for trade in mine)
    return [prices[0], max(prices), min(prices), prices[-1], total, bought, total - bought, len(mine)]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_no_second_is_lost_silently_when_the_socket_is_cut(exchange, caplog):
    process, line = exchange
    seen: dict[int, np.ndarray] = {}

    def heard(after: int, count: int) -> bool:
        """so many whole seconds after a moment"""
        now = seconds_read("binance", BTC)
        seen.update(zip(now.open_time_ms.tolist(), now.values.T, strict=True))
        return int((~now.gap & (now.open_time_ms > after)).sum()) >= count

    with streaming():
        until(lambda: heard(0, 6), 90)
        line.cut()
        cut_at = max(seen)
        until(lambda: heard(cut_at, 6) and any(np.isnan(row[0]) for at, row in seen.items() if at > cut_at), 90)
    assert "broke" in caplog.text or "renewed" in caplog.text or "trying again" in caplog.text
    times = sorted(seen)
    assert np.diff(times).tolist() == [1000] * (len(times) - 1), "a second is missing"
    whole = [at for at in times if not np.isnan(seen[at][0])]
    trades = asyncio.run(trades_of(process.url, whole[0], whole[-1] + 1000))
    carried = float(seen[whole[0]][0])
    for at in times:
        theirs = expected(trades, at, carried)
        if at in whole:
            np.testing.assert_allclose(seen[at], theirs, rtol=1e-9, atol=1e-9, err_msg=str((at - times[0]) // 1000))
        carried = theirs[3] if theirs[-1] else carried
    stored = seconds_history("binance", BTC, times[0], times[-1] + 1000)
    assert len(stored) and set(stored.open_time_ms.tolist()) <= set(whole)
    assert any(seen[at][BUY] > 0 for at in whole)
    assert len(seconds_read("binance", BTC)) == 0, "nobody streams any more"


class Quiet:
    """What the trade feed asks of a ccxt.pro client, without a network."""

    def __init__(self) -> None:
        self.has, self.trades, self.clients = {"watchTradesForSymbols": True}, {}, {}
        self.calls, self.beat = 0, asyncio.Event()

    async def watch_trades_for_symbols(self, symbols):
        self.calls += 1
        self.beat.set()
        await asyncio.sleep(0)

    def connected(self) -> None:
        self.clients = {"ws://x": SimpleNamespace(subscriptions={"trade::BTC/USDT": 1})}


async def test_a_socket_that_ccxt_renews_without_a_word_is_a_gap_too(monkeypatch):
    monkeypatch.setattr(trade_feed, "PAUSE_S", 0.0)
    now, exchange, book = [1_700_000_000_000], Quiet(), SecondsBook()
    feed = trade_feed.TradeFeed("binance", exchange, [BTC], book, lambda: now[0])
    watching = asyncio.create_task(feed.watch_run())

    async def turns(count: int) -> None:
        for _ in range(count):
            exchange.beat.clear()
            await exchange.beat.wait()

    exchange.connected()
    await turns(3)

    def trade(number: int, at: int) -> None:
        row = {"id": str(number), "timestamp": at, "price": 2.0, "amount": 1.0, "side": "buy"}
        exchange.trades[BTC].append(row)

    trade(1, now[0])
    book.clock(now[0] + 3000)
    await turns(3)
    assert book.live
    exchange.connected()
    await turns(3)
    assert not book.live
    trade(2, now[0] + 4000)
    assert book.live
    exchange.trades[BTC] = []  # an exchange's class may make a cache of its own: ours comes back
    await turns(2)
    trade(3, now[0] + 5000)
    exchange.trades[BTC].append({"id": "4", "timestamp": None, "price": None, "amount": 1.0})
    book.clock(now[0] + 9000)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert not book.live and len(exchange.trades[BTC]) == 2
    assert book.read(BTC).gap.all() and book.rings[BTC].values[:, TRADES].sum() == 3


def test_a_reader_of_the_same_process_gets_the_rings():
    book = SecondsBook([BTC])
    book.clock(1_700_000_000_000)
    book.trade(BTC, "1", 1_700_000_000_000, 2.0, 1.0, True)
    book.clock(1_700_000_005_000)
    seconds.book_set("binance", book)
    try:
        assert seconds_read("binance", BTC).values[3, -1] == 2.0
        assert len(seconds_read("binance", BTC, last=2)) == 2
        assert len(seconds_read("binance", "NO/USDT")) == len(seconds_read("okx", BTC)) == 0
    finally:
        seconds.exchange_forget("binance")


@pytest.mark.servers
def test_a_reader_of_another_process_gets_them_from_redis(settings):
    import os

    settings.REDIS_URL = os.environ["REDIS_URL"]
    times = 1_700_000_000_000 + 1000 * np.arange(70, dtype=np.int64)
    values = np.arange(70.0) + np.arange(len(COLUMNS))[:, None] * 1000
    for first in range(70):
        seconds_share("binance", {BTC: Seconds(times[first : first + 1], values[:, first : first + 1])})
    read = seconds_read("binance", BTC)
    np.testing.assert_array_equal(read.open_time_ms, times[10:])
    np.testing.assert_array_equal(read.values, values[:, 10:])
    assert seconds_read("binance", "NO/USDT").gap.all()
    assert len(seconds_read("okx", BTC)) == 0
