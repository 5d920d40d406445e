import asyncio

import ccxt
import pytest

from accounts.exchanges.errors import ExchangeStopped
from signals.candles.fetch import PAGE, Want, candles_fetch
from tests.signals.support import MINUTE, START, MemoryExchange, walk_matrix


async def fetch(exchange, wants, until, timeout_s=5.0):
    return await candles_fetch(exchange, timeframe="1m", wants=wants, until_ms=until, timeout_s=timeout_s)


async def test_long_histories_are_paged(monkeypatch):
    exchange = MemoryExchange(walk_matrix(1, 2500))
    got = await fetch(exchange, [Want("C0/USDT", START)], START + 2400 * MINUTE)
    assert len(got.tables["C0/USDT"]) == 2400
    assert [limit for _, _, limit in exchange.asked] == [PAGE, PAGE, 401]


async def test_the_open_candle_is_left_out():
    exchange = MemoryExchange(walk_matrix(1, 100))
    got = await fetch(exchange, [Want("C0/USDT", START + 90 * MINUTE)], START + 95 * MINUTE)
    assert got.tables["C0/USDT"].open_time_ms[-1] == START + 94 * MINUTE


async def test_one_symbol_that_fails_harms_no_other(settings):
    settings.BATCH_SIZE = 2
    exchange = MemoryExchange(walk_matrix(5, 50))
    exchange.broken["C1/USDT"] = ccxt.RequestTimeout("slow")
    got = await fetch(exchange, [Want(f"C{n}/USDT", START) for n in range(5)], START + 50 * MINUTE)
    assert sorted(got.tables) == ["C0/USDT", "C2/USDT", "C3/USDT", "C4/USDT"]
    assert "C1/USDT" in got.errors["C1/USDT"]


async def test_late_symbols_do_not_hold_up_the_others():
    class Slow(MemoryExchange):
        async def fetch_ohlcv(self, symbol, *rest):
            if symbol == "C1/USDT":
                await asyncio.Event().wait()
            return await super().fetch_ohlcv(symbol, *rest)

    got = await fetch(Slow(walk_matrix(3, 50)), [Want(f"C{n}/USDT", START) for n in range(3)], START + MINUTE, 0.2)
    assert sorted(got.tables) == ["C0/USDT", "C2/USDT"]
    assert got.errors == {"C1/USDT": "No answer in time."}


async def test_a_ban_stops_the_fetch():
    exchange = MemoryExchange(walk_matrix(2, 50))
    exchange.broken["C0/USDT"] = ExchangeStopped("banned")
    with pytest.raises(ExchangeStopped):
        await fetch(exchange, [Want("C0/USDT", START), Want("C1/USDT", START)], START + 50 * MINUTE)
