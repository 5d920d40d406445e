"""Quotes of OKX, Bybit, KuCoin and MEXC as the platform's streams take them, each in its own format."""

import asyncio

import pytest

from accounts.exchanges.factory import public_stream_client
from accounts.exchanges.loop import background_loop
from signals import market_feed
from signals.market_feed import MarketFeed
from signals.models import Instrument
from signals.quotes import latest
from tests.exchange.desk import until
from tests.exchange.test_wires import wire  # noqa: F401  the fixture
from tests.exchange.wires.market_streams import QUOTES

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


async def followed(exchange: str, symbols: list[str]) -> None:
    client = public_stream_client(exchange)
    await client.load_markets()
    feed = MarketFeed(exchange, client, symbols, ["1m"])
    await asyncio.gather(
        feed.quotes_run(), *([] if client.has.get("watchOHLCVForSymbols") else [feed.candles_run(int)])
    )


@pytest.mark.parametrize("exchange", QUOTES)
def test_best_bids_and_asks_arrive(wire, monkeypatch, exchange) -> None:  # noqa: F811
    monkeypatch.setattr(market_feed, "ASK_S", 0.1)
    here = wire(exchange)
    source = QUOTES[exchange](here)
    symbols = list(Instrument.objects.filter(exchange=exchange, active=True).values_list("symbol", flat=True))
    running = asyncio.run_coroutine_threadsafe(followed(exchange, symbols), background_loop())
    try:
        until(lambda: running.done() or all(latest(exchange, symbol) for symbol in symbols))
        assert not running.done(), running.exception()
    finally:
        running.cancel()
    row, market = latest(exchange, "ETH/USDT"), here.market("ETHUSDT")
    assert abs(row.bid / market.bid - 1) < 0.05 and row.bid < row.ask and (row.bid_size, row.ask_size) == (5, 7)
    assert all(len(names) <= 10 for names in source.asked) or exchange != "bybit"
