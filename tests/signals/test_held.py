"""Symbols that somebody holds stay in the streams when the selection drops them."""

import asyncio
import threading

import pytest

from signals import held, streams
from signals.models import Instrument
from signals.selectors import symbols_selected, symbols_streamed
from tests.signals.test_streams import ended, in_thread, sockets, woken  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def holders(monkeypatch):
    monkeypatch.setattr(held, "_holders", [])


def test_held_symbols_follow_the_selected_ones(market):
    Instrument.objects.filter(symbol__in=["C1/USDT", "C2/USDT", "C4/USDT"]).update(selected=False)
    Instrument.objects.filter(symbol="C4/USDT").update(active=False)
    held.on_held(
        lambda exchange: ["C2/USDT", "C0/USDT", "C4/USDT", "NO/USDT"] if exchange == "binance" else ["C1/USDT"]
    )
    assert symbols_streamed(exchange="binance") == ["C0/USDT", "C3/USDT", "C5/USDT", "C2/USDT"]
    assert "C2/USDT" not in symbols_selected(exchange="binance")


def test_a_holder_that_fails_hides_no_other(market):
    def broken(_exchange):
        raise RuntimeError("no")

    held.on_held(broken)
    held.on_held(lambda _exchange: ["C1/USDT"])
    Instrument.objects.filter(symbol="C1/USDT").update(selected=False)
    assert "C1/USDT" in symbols_streamed(exchange="binance")


def test_the_streams_quote_a_held_symbol(market, sockets, woken, monkeypatch):  # noqa: F811 - fixtures
    monkeypatch.setattr(streams, "exchange_prepare", lambda exchange: [])
    monkeypatch.setattr(streams, "_on_start", [])
    Instrument.objects.filter(symbol="C1/USDT").update(selected=False)
    held.on_held(lambda _exchange: ["C1/USDT"])
    asked, called = [], threading.Event()

    async def watch(symbols):
        asked.append(list(symbols))
        called.set()
        await asyncio.sleep(0.01)
        return {}

    sockets.watch_bids_asks = watch
    stop = threading.Event()
    thread = in_thread(stop)
    assert called.wait(10) and ended(thread, stop)
    assert asked[0] == ["C0/USDT", "C2/USDT", "C3/USDT", "C4/USDT", "C5/USDT", "C1/USDT"]
