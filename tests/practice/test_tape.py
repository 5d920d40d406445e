"""The tape is one pure function: history, live candles and trades are views of it."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from tests.practice.markets import NOON, small_data, small_market
from trading.practice import klines
from trading.practice.klines import INTERVALS
from trading.practice.market import Market
from trading.practice.market_synthetic import CANDLES, synthetic_market
from trading.practice.tape import ANCHOR_MS, Mapping

SPEEDS = ("1", "2.5", "7", "60", "3600")


@pytest.mark.parametrize("speed", SPEEDS)
def test_candles_are_the_trades_between_their_ends(speed):
    market = small_market(speed)
    now = NOON + 123_456
    for interval in ("1s", "1m", "5m"):
        length = INTERVALS[interval]
        for candle in market.candles("AAAUSDT", interval, now // length * length - 3 * length, now, now):
            prints = market.prints("AAAUSDT", candle.open_ms - 1, min(now, candle.close_ms - 1))
            seen = prints.ticks[0], prints.ticks.max(), prints.ticks.min(), prints.ticks[-1], prints.lots.sum()
            assert candle[2:7] == seen


@pytest.mark.parametrize("speed", SPEEDS)
def test_both_ways_of_folding_agree(speed, monkeypatch):
    market, start = small_market(speed), NOON - 40 * 60_000
    each = market.candles("ZZZUSDT", "1m", start, NOON, NOON + 777)
    monkeypatch.setattr(klines, "DIRECT", 0)
    assert market.candles("ZZZUSDT", "1m", start, NOON, NOON + 777) == each


def test_candles_over_whole_base_candles_aggregate_them_exactly():
    data = small_data(step_ms=300_000)
    market = Market(data, Fraction(60))  # a base candle lasts five real seconds
    base, size = data.instruments[0].series, len(data.instruments[0].series.open)
    for candle in market.candles("AAAUSDT", "1m", NOON - 30 * 60_000, NOON - 1, NOON):
        first = (candle.open_ms - ANCHOR_MS) // 5_000
        rows = np.arange(first, first + 12) % size
        volume = (base.cum[rows + 1] - base.cum[rows]).sum()
        whole = base.open[rows[0]], base.high[rows].max(), base.low[rows].min(), base.close[rows[-1]], volume
        assert candle[2:7] == whole


def test_every_interval_has_a_thousand_candles_at_any_time():
    market = small_market()
    for interval, length in INTERVALS.items():
        start = NOON // length * length - 999 * length
        rows = market.candles("AAAUSDT", interval, start, NOON, NOON)
        expected = 1000 if start >= ANCHOR_MS else (NOON - ANCHOR_MS) // length + 1
        assert len(rows) == expected
        assert all(later.open_ms - earlier.open_ms == length for earlier, later in itertools.pairwise(rows))


def test_slots_and_times_are_inverse():
    for speed in SPEEDS:
        mapping = Mapping(60_000, Fraction(speed))
        slots = np.arange(10**9, 10**9 + 500)
        times = mapping.time_of(slots)
        assert (np.diff(times) > 0).all()
        assert (mapping.first_at(times) == slots).all() and (mapping.last_at(times) == slots).all()
        assert mapping.first_at(int(times[7])) == slots[7]


def test_the_synthetic_market_looks_like_one_and_has_no_seam():
    data = synthetic_market(3)
    assert len(data.instruments) >= 32
    closes = np.array([item.series.close for item in data.instruments], dtype=float)
    prices = closes[:, 0] * [float(item.listing.tick) for item in data.instruments]
    assert prices.min() < 1e-5 and prices.max() > 1e4
    returns = np.diff(np.log(closes), axis=1)
    seam = np.log(np.array([item.series.open[0] for item in data.instruments]) / closes[:, -1])
    assert np.abs(seam).max() < 1e-9
    assert ((returns**4).mean(axis=1) / returns.var(axis=1) ** 2).min() > 4  # fat tails
    size = np.abs(returns[0])
    assert np.corrcoef(size[:-30], size[30:])[0, 1] > 0.1  # volatility comes in clusters
    assert np.corrcoef(returns)[0, 1:].mean() > 0.2  # coins move together
    for item in data.instruments:
        s = item.series
        assert len(s.open) == CANDLES and (s.low > 0).all() and (np.diff(s.cum) > 0).all()
        assert (s.high >= np.maximum(s.open, s.close)).all() and (s.low <= np.minimum(s.open, s.close)).all()


def test_a_seed_is_a_market():
    one, same, other = (synthetic_market(seed).instruments for seed in (3, 3, 4))
    assert all((a.series.close == b.series.close).all() for a, b in zip(one, same, strict=True))
    assert (one[0].series.close != other[0].series.close).any()


def test_books_surround_the_trade_and_are_sorted():
    market = small_market()
    for moment in range(NOON, NOON + 20_000, 250):
        book = market.book_at("ZZZUSDT", moment, 100)
        bids, asks = [ticks for ticks, _ in book.bids], [ticks for ticks, _ in book.asks]
        assert bids == sorted(set(bids), reverse=True) and asks == sorted(set(asks)) and bids[0] < asks[0]
        traded = int(market.prints_of("ZZZUSDT", book.epoch, book.epoch + 1).ticks[0])
        assert traded in (bids[0], asks[0])
        assert all(lots > 0 for _, lots in book.bids + book.asks)
