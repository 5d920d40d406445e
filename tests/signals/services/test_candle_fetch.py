"""Fetching history: only what is missing, page by page, again and again."""

import ccxt
import numpy as np
import pytest

from accounts.clock import clock_set
from accounts.exchanges.errors import ExchangeStopped
from signals.candles import store
from signals.candles.months import month_write
from signals.domain.timeframes import open_time
from signals.models import CandleHole, CandleSeries
from signals.services import candle_fetch
from signals.services.candle_fetch import candles_fetch_run, fetch_plan, holes_refetch
from signals.services.candle_repair import series_check
from tests.signals.support import MINUTE, START

pytestmark = pytest.mark.django_db
WHERE = {"exchange": "binance", "timeframe": "1m"}
END = START + 1200 * MINUTE


@pytest.fixture(autouse=True)
def two_days_later(monkeypatch):
    monkeypatch.setattr(candle_fetch, "exchange_ms", lambda _exchange: END + 2 * 86_400_000)
    monkeypatch.setattr(candle_fetch, "PAGE", 100)
    monkeypatch.setattr(candle_fetch, "BACKOFF_S", (0.001, 0.01))
    with clock_set(lambda: open_time(END + 2 * 86_400_000)):
        yield


def fetched(symbols=("C0/USDT", "C1/USDT"), since=START, until=END):
    jobs = fetch_plan(**WHERE, symbols=symbols, since_ms=since, until_ms=until)
    candles_fetch_run(exchange="binance", jobs=jobs)
    return jobs


def test_everything_comes_in_pages_and_only_once(market):
    jobs = fetched()
    assert [(job.status, job.added, job.left, job.pages) for job in jobs] == [("fetched", 1200, 0, 12)] * 2
    read = store.history_read(**WHERE, symbol="C1/USDT")
    np.testing.assert_array_equal(read.close, market.matrix.close[1])
    market.asked.clear()
    assert [job.status for job in fetched()] == ["unchanged"] * 2 and market.asked == []
    assert series_check(series=CandleSeries.objects.first()).status == "good"


def test_only_what_is_missing_is_asked_for(market):
    fetched(since=START + 300 * MINUTE, until=START + 400 * MINUTE)
    market.asked.clear()
    fetched(symbols=["C0/USDT"], since=START + 250 * MINUTE, until=START + 450 * MINUTE)
    assert market.asked == [("C0/USDT", START + 250 * MINUTE, 50), ("C0/USDT", START + 400 * MINUTE, 50)]


def test_what_the_exchange_never_had_is_remembered(market):
    gone = [START + number * MINUTE for number in (*range(150, 380), 500)]
    market.hidden |= {("C0/USDT", at) for at in gone}
    job = fetched(since=START - 500 * MINUTE)[0]
    assert (job.status, job.absent, job.added) == ("fetched", 231 + 500, 1200 - 231)
    assert set(CandleHole.objects.values_list("reason", flat=True)) == {"absent", "unlisted"}
    market.asked.clear()
    fetched(since=START - 500 * MINUTE)
    assert market.asked == []
    assert series_check(series=CandleSeries.objects.first()).status == "good"


def test_a_young_hole_may_be_a_hiccup_and_is_asked_for_again(market, monkeypatch):
    market.hidden.add(("C0/USDT", END - 2 * MINUTE))
    monkeypatch.setattr(candle_fetch, "now_ms", lambda: END + MINUTE)
    assert fetched(symbols=["C0/USDT"])[0].absent == 0 and CandleHole.objects.count() == 0
    market.hidden.clear()
    assert fetched(symbols=["C0/USDT"])[0].added == 1


def test_bad_rows_of_the_exchange_are_not_stored_and_not_remembered_as_absent(market):
    market.matrix.close[0, 42] = -1.0
    job = fetched(symbols=["C0/USDT"])[0]
    assert (job.dropped, job.absent, job.added) == (1, 0, 1199)


def test_an_exchange_that_stumbles_is_asked_again_and_a_symbol_that_fails_harms_no_other(market):
    tries, original = [], market.fetch_ohlcv

    async def stumbling(symbol, *rest):
        tries.append(symbol)
        if symbol == "C1/USDT":
            raise ccxt.BadSymbol("no such pair")
        if len(tries) % 3:
            raise ccxt.RequestTimeout("slow")
        return await original(symbol, *rest)

    market.fetch_ohlcv = stumbling
    good, bad = fetched(until=START + 300 * MINUTE)
    assert (good.status, good.added, bad.status) == ("fetched", 300, "failed")
    assert "C1/USDT" in bad.error and tries.count("C1/USDT") == 1


def test_after_the_last_try_the_symbol_fails_and_what_came_stays(market):
    original = market.fetch_ohlcv

    async def dying(symbol, timeframe, since, limit):
        if since >= START + 500 * MINUTE:
            raise ccxt.NetworkError("down")
        return await original(symbol, timeframe, since, limit)

    market.fetch_ohlcv = dying
    job = fetched(symbols=["C0/USDT"])[0]
    assert (job.status, job.added, job.left) == ("failed", 500, 700)
    market.fetch_ohlcv = original
    assert fetched(symbols=["C0/USDT"])[0].added == 700


def test_a_ban_stops_everything_and_what_came_stays(market):
    original = market.fetch_ohlcv

    async def banned(symbol, timeframe, since, limit):
        if symbol == "C1/USDT" and since > START:
            raise ExchangeStopped("barred")
        return await original(symbol, timeframe, since, limit)

    market.fetch_ohlcv = banned
    with pytest.raises(ExchangeStopped):
        fetched()
    assert CandleSeries.objects.get(instrument__symbol="C1/USDT").rows == 100


def test_a_running_candle_is_never_fetched(market, monkeypatch):
    monkeypatch.setattr(candle_fetch, "exchange_ms", lambda _exchange: START + 10 * MINUTE + 1500)
    assert fetched(symbols=["C0/USDT"], until=None)[0].added == 9


def test_without_since_the_newest_or_what_follows_the_stored_ones(market, monkeypatch):
    monkeypatch.setattr(candle_fetch, "exchange_ms", lambda _exchange: END + 5000)
    assert fetched(symbols=["C0/USDT"], since=None, until=START + 1100 * MINUTE)[0].added == 1000
    assert fetched(symbols=["C0/USDT"], since=None, until=None)[0].added == 100


def test_a_refetch_of_holes_fills_them(market):
    fetched(symbols=["C0/USDT"])
    path = store.month_paths("binance", "C0/USDT", "1m")[0]
    table = store.month_read(path)
    month_write(path, table.where(np.r_[0:100, 200 : len(table)]))
    row = CandleSeries.objects.get()
    words = holes_refetch(row.instrument, "1m", [(START + 100 * MINUTE, START + 200 * MINUTE)])
    assert words == "" and len(store.history_read(**WHERE, symbol="C0/USDT")) == 1200
