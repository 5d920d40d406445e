from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from accounts.clock import clock_set
from signals import listeners, quotes, sources
from signals.candles.feed import feed_forget
from signals.domain.timeframes import open_time
from signals.models import Instrument
from signals.services.candles import windows_forget
from signals.services.provenance import prints_forget
from signals.services.strategies import strategies_ensure
from signals.strategy_source import StrategySource
from tests.signals.support import MINUTE, MemoryExchange, walk_matrix

LANES, LENGTH = 6, 1200


@pytest.fixture(autouse=True)
def clean_room(settings, tmp_path: Path) -> Iterator[None]:
    """No candle, quote, window or listener of another test; files in a folder of this test's own."""
    settings.VAR_DIR, settings.REDIS_URL = tmp_path, ""
    listening = list(listeners._callbacks)
    others = [source for source in sources.sources() if source.name != "strategies"]
    for source in others:
        sources.unregister(source.name)
    listeners.listeners_forget()
    yield
    for forget in (windows_forget, prints_forget, feed_forget, quotes.quotes_forget, listeners.listeners_forget):
        forget()
    listeners._callbacks.extend(listening)
    for source in (StrategySource(), *others):
        sources.register(source)


@pytest.fixture
def exchange(monkeypatch) -> MemoryExchange:
    """A market of six symbols behind the client factory."""
    from accounts.exchanges import factory

    memory = MemoryExchange(walk_matrix(LANES, LENGTH))
    monkeypatch.setattr(factory, "public_client", lambda _name, **_options: memory)
    return memory


@pytest.fixture
def market(db, exchange: MemoryExchange) -> MemoryExchange:
    """The same with its instruments selected and the default strategies there."""
    for rank, symbol in enumerate(exchange.matrix.symbols):
        Instrument.objects.create(
            exchange="binance", symbol=symbol, market_id=symbol.replace("/", ""), base=symbol.split("/")[0],
            quote="USDT", tick_size=Decimal("0.0001"), lot_size=Decimal("0.01"), selected=True,
            volume_quote_24h=1000.0 - rank,
        )  # fmt: skip
    strategies_ensure()
    return exchange


@pytest.fixture
def at_candle(exchange: MemoryExchange):
    """Set the clock three seconds after the close of candle number n; gives its open time."""

    def enter(number: int):
        opened = open_time(int(exchange.matrix.open_time_ms[number]))
        moment = opened + timedelta(milliseconds=MINUTE, seconds=3)
        return opened, clock_set(lambda: moment)

    return enter
