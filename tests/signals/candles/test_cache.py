import numpy as np
import pytest

from signals.candles import cache, store
from signals.candles.cache import history_cached
from signals.candles.matrix import CandleTable
from tests.signals.support import MINUTE, START, walk_matrix

WHERE = {"exchange": "binance", "timeframe": "1m", "symbol": "C0/USDT"}


@pytest.fixture(autouse=True)
def reads(monkeypatch):
    """Counts what is really read."""
    cache.cache_forget()
    calls, read = [], cache.history_read
    monkeypatch.setattr(cache, "history_read", lambda **given: calls.append(given) or read(**given))
    yield calls
    cache.cache_forget()


def table(start: int, length: int, price: float = 1.0) -> CandleTable:
    times = START + MINUTE * np.arange(start, start + length, dtype=np.int64)
    return CandleTable(times, *(np.full(length, price) for _ in range(5)))


def test_the_same_read_is_done_once_and_again_after_every_write(reads):
    store.months_write("binance", "C0/USDT", "1m", table(0, 10))
    assert history_cached(**WHERE) is history_cached(**WHERE) and len(reads) == 1
    for number in range(1, 30):
        store.months_write("binance", "C0/USDT", "1m", table(0, 10, price=number + 1.0))
        assert history_cached(**WHERE).close.tolist() == [number + 1.0] * 10
    store.hot_write("binance", "1m", walk_matrix(1, 50))
    assert len(history_cached(**WHERE)) == 50
    assert len(history_cached(**WHERE, limit=5)) == 5


def test_it_stays_small(reads, monkeypatch):
    store.months_write("binance", "C0/USDT", "1m", table(0, 100))
    monkeypatch.setattr(cache, "CANDLES", 1000)
    for limit in range(1, 101):
        history_cached(**WHERE, limit=limit)
    assert sum(len(entry[2]) for entry in cache._entries.values()) == cache._held <= 1000
    monkeypatch.setattr(cache, "ENTRIES", 3)
    history_cached(**WHERE, limit=1)
    assert len(cache._entries) == 3
    monkeypatch.setattr(cache, "SECONDS", -1.0)
    reads.clear()
    history_cached(**WHERE, limit=1)
    assert len(reads) == 1


def test_a_page_is_better_short_than_broken(caplog):
    store.months_write("binance", "C0/USDT", "1m", table(-100, 100))
    store.month_paths("binance", "C0/USDT", "1m")[0].write_bytes(b"")
    store.hot_write("binance", "1m", walk_matrix(1, 50))
    assert len(history_cached(**WHERE)) == 50 and "is damaged" in caplog.text
