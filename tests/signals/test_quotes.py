from datetime import UTC, datetime
from decimal import Decimal

import fakeredis
import pytest

from signals import quotes
from signals.candles import feed
from signals.quotes import QuoteRow

AT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


def row(symbol: str = "PEPE/USDT", bid: str = "0.00000123456789") -> QuoteRow:
    return QuoteRow(symbol, Decimal(bid), Decimal("0.0000012346"), Decimal("1e15"), Decimal("2.5"), AT)


def test_the_newest_quote_is_kept_and_told():
    told = []
    quotes.on_quotes(lambda exchange, rows: told.append((exchange, rows)))
    quotes.publish("binance", [row(bid="1"), row("BTC/USDT")])
    quotes.publish("binance", [row(bid="0.5")])
    quotes.publish("binance", [])
    assert quotes.latest("binance", "PEPE/USDT") == row(bid="0.5")
    assert sorted(quotes.latest_all("binance")) == ["BTC/USDT", "PEPE/USDT"]
    assert quotes.latest("okx", "PEPE/USDT") is None and quotes.latest_all("okx") == {}
    assert [len(rows) for _, rows in told] == [2, 1]


def test_a_listener_that_raises_does_not_stop_the_others():
    told = []

    def raising(*_):
        raise RuntimeError

    quotes.on_quotes(raising)
    quotes.on_quotes(lambda *given: told.append(given))
    quotes.publish("binance", [row()])
    assert len(told) == 1


@pytest.fixture
def redis(monkeypatch, settings):
    settings.REDIS_URL = "redis://fake"
    server = fakeredis.FakeRedis()
    for module in (quotes, feed):
        monkeypatch.setattr(module, "redis_client", lambda: server)
    return server


def test_another_process_reads_the_same_decimals_from_redis(redis):
    quotes.publish("binance", [row(), row("BTC/USDT", "65000.01")])
    quotes.exchange_forget("binance")
    assert quotes.latest("binance", "PEPE/USDT") == row()
    assert quotes.latest_all("binance") == {"PEPE/USDT": row(), "BTC/USDT": row("BTC/USDT", "65000.01")}
    assert quotes.latest("binance", "NO/USDT") is None


def test_websocket_candles_reach_another_process(redis):
    feed.candles_put("binance", "1m", 60_000, {"BTC/USDT": [60_000, 1.0, 2.0, 0.5, 1.5, 7.0]})
    feed.feed_forget()
    assert feed.candles_get("binance", "1m", 60_000) == {"BTC/USDT": [60_000, 1.0, 2.0, 0.5, 1.5, 7.0]}
    assert feed.candles_get("binance", "1m", 120_000) == {}


def test_only_the_newest_websocket_candles_are_kept():
    for number in range(30):
        feed.candles_put("binance", "1m", number * 60_000, {"BTC/USDT": [number * 60_000, 1, 1, 1, 1, 1]})
    assert feed.candles_get("binance", "1m", 0) == {}
    assert len(feed.candles_get("binance", "1m", 29 * 60_000)) == 1
