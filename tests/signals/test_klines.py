"""Klines read past ccxt: kept as they were sent, final when they are, and everything else left to ccxt."""

import json

import pytest

from signals.klines import Klines

MINUTE, IDS = 60_000, {"BTC/USDT": "BTCUSDT", "ETH/USDT": "ETHUSDT"}


def text(market_id="BTCUSDT", open_ms=0, close="1.5", final=False, wrapped=False, **other) -> str:
    kline = {"t": open_ms, "T": open_ms + MINUTE - 1, "s": market_id, "i": "1m", "f": 1, "L": 2, "o": "1.1",
             "c": close, "h": "2.25", "l": "0.00000001", "v": "7", "n": 9, "x": final, "q": "1"} | other  # fmt: skip
    event = {"e": "kline", "E": open_ms, "s": market_id, "k": kline}
    told = {"stream": f"{market_id.lower()}@kline_1m", "data": event} if wrapped else event
    return json.dumps(told, separators=(",", ":"))


@pytest.fixture
def heard() -> list[int]:
    return []


@pytest.fixture
def klines(heard) -> Klines:
    return Klines(lambda: heard.append(1))


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_numbers_are_those_of_the_text(klines, heard, wrapped):
    assert klines.take(text(final=True, close="65000.12", wrapped=wrapped))
    assert klines.final("1m", 0, IDS) == {"BTC/USDT": [0, 1.1, 2.25, 1e-8, 65000.12, 7.0]}
    assert heard == [1]


def test_a_candle_is_final_when_the_exchange_says_so_or_a_later_one_has_begun(klines):
    klines.take(text(close="1.2"))
    klines.take(text(market_id="ETHUSDT", close="1.3"))
    assert klines.final("1m", 0, IDS) == {}
    klines.take(text(close="1.4", final=True))
    assert set(klines.final("1m", 0, IDS)) == {"BTC/USDT"}
    assert not klines.complete("1m", 0, IDS.values())
    klines.take(text(market_id="ETHUSDT", open_ms=MINUTE))
    found = klines.final("1m", 0, IDS)
    assert {symbol: row[4] for symbol, row in found.items()} == {"BTC/USDT": 1.4, "ETH/USDT": 1.3}
    klines.take(text(market_id="ETHUSDT", final=True))
    assert klines.complete("1m", 0, IDS.values())
    assert klines.final("5m", 0, IDS) == {} and not klines.complete("5m", 0, IDS.values())


def test_only_the_newest_are_kept(klines):
    for number in range(10):
        klines.take(text(open_ms=number * MINUTE, final=True))
    assert klines.final("1m", 6 * MINUTE, IDS) == {}
    assert klines.final("1m", 7 * MINUTE, IDS) and klines.final("1m", 9 * MINUTE, IDS)


@pytest.mark.parametrize("other", [
    '{"result":null,"id":1}', '{"e":"trade","s":"BTCUSDT"}', "", "kline",
    text(o="much"), text(o=None), text(t="soon"), text(x=2), text()[:-20], text().replace('"k"', '"K"'),
])  # fmt: skip
def test_everything_else_is_left_to_ccxt(klines, heard, other):
    assert not klines.take(other)
    assert klines.final("1m", 0, IDS) == {} and not heard
