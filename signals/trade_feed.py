"""The trade stream of one exchange, through an unmodified ccxt.pro client, into one-second candles.

ccxt appends every trade to a cache of its symbol. We put caches of our own there (`sink_of`) before it makes its: so
every trade is seen once, at once, none is lost between two calls, and ccxt keeps no thousand trades a symbol.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any

from django.conf import settings

from accounts.exchanges import lean_ccxt
from signals.candles.seconds import SECOND_MS, Seconds, SecondsBook
from signals.candles.seconds_store import seconds_write
from signals.market_feed import all_or_none, connected
from signals.seconds import seconds_share

KEPT = 4  # trades a symbol that ccxt may look at again
TICK_S = 0.2
PAUSE_S = 0.25
STORE_EVERY_S, STORE_AFTER_S = 60, 10  # together less than the ring holds
log = logging.getLogger(__name__)


class TradeFeed:
    """`watch_run` and `tick_run` side by side until cancelled or the connection breaks; then the book has a gap."""

    def __init__(
        self, exchange: str, client: Any, symbols: list[str], book: SecondsBook, exchange_ms: Callable[[], int]
    ) -> None:
        self.exchange, self.client, self.symbols, self.book, self.exchange_ms = (
            exchange,
            client,
            symbols,
            book,
            exchange_ms,
        )
        self._sockets: list[Any] = []
        self._heard_ms = 0  # the newest trade when the sockets were last looked at
        self._shared = self._stored = 0  # numbers of the newest seconds that went to Redis and to disk

    async def watch_run(self) -> None:
        """Keep the trade sockets of all symbols open."""
        self.book.symbols_set(self.symbols)
        self.book.clock(self.exchange_ms())
        try:
            if self.client.has.get("watchTradesForSymbols"):
                await self._watch(self.client.watch_trades_for_symbols, self.symbols)
            else:
                await all_or_none([self._watch(self.client.watch_trades, symbol) for symbol in self.symbols])
        finally:
            self.book.broken()

    async def tick_run(self) -> None:
        """Move the book by the exchange's clock, and hand closed seconds on."""
        while True:
            self.book.clock(self.exchange_ms())
            self._share()
            await self._store()
            await asyncio.sleep(TICK_S)

    async def _watch(self, watch: Callable[[Any], Awaitable[Any]], of: Any) -> None:
        while True:
            self._sockets_check()
            self._sinks_set()
            with connected(self.exchange):
                await watch(of)
            self._sockets_check()
            await asyncio.sleep(PAUSE_S)

    def _sinks_set(self) -> None:
        for symbol in self.symbols:
            if getattr(self.client.trades.get(symbol), "book", None) is not self.book:
                self.client.trades[symbol] = sink_of(symbol, self.book)

    def _sockets_check(self) -> None:
        """ccxt connects again by itself, without a word, when a socket closes between two calls: that is a gap too."""
        sockets = [one for one in self.client.clients.values() if any("trade" in name for name in one.subscriptions)]
        if {id(one) for one in self._sockets} - {id(one) for one in sockets}:
            log.warning("A trade socket of %s was renewed: the seconds in between are marked as a gap.", self.exchange)
            self.book.broken(self._heard_ms)
        self._sockets, self._heard_ms = sockets, self.book.heard_ms

    def _share(self) -> None:
        closed, changed = self.book.closed, self.book.changes_taken()
        if not settings.REDIS_URL or closed <= self._shared:
            return
        since = min(self._shared + 1, changed or closed) if self._shared else closed
        seconds_share(self.exchange, self.book.read_all(since))
        self._shared = closed

    async def _store(self) -> None:
        due = self.book.closed - STORE_AFTER_S
        self._stored = self._stored or due
        if not settings.XRAY_SECONDS_STORE or due < self._stored + STORE_EVERY_S:
            return
        rows = {symbol: _upto(one, due) for symbol, one in self.book.read_all(self._stored + 1).items()}
        self._stored = due
        await asyncio.to_thread(seconds_write, self.exchange, rows)


def sink_of(symbol: str, book: SecondsBook) -> Any:
    """A cache for ccxt's trades of a symbol that hands each one to the book and keeps only the newest few."""
    sink = _sink_class()(KEPT)
    sink.symbol, sink.book = symbol, book
    return sink


@lru_cache(maxsize=1)
def _sink_class() -> Any:
    lean_ccxt.prepare()
    from ccxt.async_support.base.ws.cache import ArrayCache  # late: heavy

    class Sink(ArrayCache):  # type: ignore[misc]
        """ArrayCache that tells."""

        symbol: str
        book: SecondsBook

        def append(self, item: dict[str, Any]) -> None:
            """Called by ccxt for every trade, in the order they came."""
            super().append(item)
            try:
                trade_take(self.book, self.symbol, item)
            except (KeyError, TypeError, ValueError) as error:
                log.warning("A trade of %s could not be read: %r", self.symbol, error)

    return Sink


def trade_take(book: SecondsBook, symbol: str, trade: dict[str, Any]) -> None:
    """Count one trade in ccxt's unified form; `side` is the taker's."""
    book.trade(
        symbol, trade.get("id"), int(trade["timestamp"]), float(trade["price"]), float(trade["amount"]),
        trade.get("side") == "buy",
    )  # fmt: skip


def _upto(seconds: Seconds, number: int) -> Seconds:
    keep = seconds.open_time_ms <= number * SECOND_MS
    return Seconds(seconds.open_time_ms[keep], seconds.values[:, keep])
