"""What the market sockets of one exchange deliver, sampled from an unmodified ccxt.pro client.

ccxt keeps the newest bid and ask of every subscribed symbol and the newest candles in its own caches while its
receive loop runs; we look at them a few times a second instead of waiting for each message, which costs a fraction.
"""

import asyncio
import time
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar

from accounts.clock import now
from accounts.exchanges.errors import ExchangeAmbiguous, ExchangeRetry, translated
from accounts.exchanges.quirks import quirks_for
from signals.klines import TAPPED, Klines, klines_tap
from signals.quotes import QuoteRow, publish

ASK_S = 1.0  # between two requests for all quotes
SAMPLE_S = 0.25  # at most four quotes a symbol and second
RENEW_S = 5.0  # a quote that has not changed is confirmed this often while its socket delivers
CANDLES_S = 0.5
CANDLES_KEPT = 4
T = TypeVar("T")


class MarketFeed:
    """The sockets of one exchange: `quotes_run` and `candles_run` until cancelled or the connection breaks."""

    def __init__(self, exchange: str, client: Any, symbols: list[str], timeframes: list[str]) -> None:
        self.exchange, self.client, self.symbols, self.timeframes = exchange, client, symbols, timeframes
        self.last_event = 0.0  # monotonic seconds
        self.delivering = asyncio.Event()
        self.candles_since_ms = 0  # exchange time from which the candle socket has delivered without a break
        self.klines = Klines(self._event) if exchange in TAPPED and hasattr(client, "client") else None
        self.quirks = quirks_for(exchange)

    async def quotes_run(self) -> None:
        """Publish changed quotes, at most four a second and symbol."""
        if self.quirks.quotes_asked:
            return await self._quotes_ask()
        await all_or_none([self._quotes_watch(part) for part in self._parts(self.symbols)])

    async def _quotes_watch(self, symbols: list[str]) -> None:
        watch = self.client.watch_bids_asks if self.client.has.get("watchBidsAsks") else self.client.watch_tickers
        changes = Changes(symbols)
        while True:
            with connected(self.exchange):
                got = await watch(symbols)
            self._event()
            publish(self.exchange, changes.rows(self.client.bidsasks or self.client.tickers or got))
            await asyncio.sleep(SAMPLE_S)

    async def _quotes_ask(self) -> None:
        """All of them in one request, again and again, where sockets tell too few."""
        changes = Changes(self.symbols)
        while True:
            with connected(self.exchange):
                got = await self.client.fetch_bids_asks(self.symbols)
            self._event()
            publish(self.exchange, changes.rows(got))
            await asyncio.sleep(ASK_S)

    async def candles_run(self, exchange_ms: Any) -> None:
        """Keep ccxt's candle cache filled; `exchange_ms()` is the exchange's time in ms.

        Where sockets tell candles of one symbol only, all are asked for by REST at their close.
        """
        if not self.client.has.get("watchOHLCVForSymbols"):
            await asyncio.Event().wait()
        self.client.options["OHLCVLimit"] = CANDLES_KEPT
        pairs = [[symbol, timeframe] for timeframe in self.timeframes for symbol in self.symbols]
        self.candles_since_ms = exchange_ms()
        if self.klines is not None:
            klines_tap(self.client, self.klines)
        await all_or_none([self._candles_watch(part) for part in self._parts(pairs)])

    async def _candles_watch(self, pairs: list[list[str]]) -> None:
        while True:
            with connected(self.exchange):
                await self.client.watch_ohlcv_for_symbols(pairs)
            self._event()
            await asyncio.sleep(CANDLES_S)

    def _parts(self, topics: list[T]) -> list[list[T]]:
        """As many of them at once as one request may name."""
        most = self.quirks.topics_at_once or len(topics) or 1
        return [topics[start : start + most] for start in range(0, len(topics), most)]

    def final_candles(self, timeframe: str, open_ms: int, close_ms: int) -> dict[str, list[float]]:
        """Candles of this open time that are final: a later one of the symbol has begun, and the socket was up over
        the close, so that the last word on it was heard. Others are asked for by REST.
        """
        if not self.candles_since_ms or close_ms <= self.candles_since_ms:
            return {}
        if self.klines is not None:
            return self.klines.final(self._interval(timeframe), open_ms, self._market_ids)
        found = {}
        for symbol in self.symbols:
            rows = list(self.client.ohlcvs.get(symbol, {}).get(timeframe, ()))
            mine = [row for row in rows if row[0] == open_ms]
            if mine and rows[-1][0] > open_ms:
                found[symbol] = [float(value) for value in mine[-1]]
        return found

    def complete(self, timeframe: str, open_ms: int) -> bool:
        """Whether the exchange has called this candle of every symbol final: nothing more is to be waited for."""
        if self.klines is None:
            return False
        return self.klines.complete(self._interval(timeframe), open_ms, self._market_ids.values())

    def _interval(self, timeframe: str) -> str:
        return str(self.client.timeframes.get(timeframe, timeframe))

    @cached_property
    def _market_ids(self) -> dict[str, str]:
        return {symbol: self.client.market(symbol)["id"] for symbol in self.symbols}

    @property
    def last_event_at(self) -> datetime | None:
        """When something was last heard."""
        return now() - timedelta(seconds=time.monotonic() - self.last_event) if self.last_event else None

    def _event(self) -> None:
        self.last_event = time.monotonic()
        if not self.delivering.is_set():
            self.delivering.set()


class Changes:
    """Which quotes of some symbols are to be published: those that changed, and every few seconds all."""

    def __init__(self, symbols: list[str]) -> None:
        self.symbols, self._renewed = symbols, 0.0
        self._seen: dict[str, tuple[Any, ...]] = {}

    def rows(self, tickers: dict[str, Any]) -> list[QuoteRow]:
        """The rows to publish now."""
        renew = time.monotonic() - self._renewed > RENEW_S
        rows = []
        for symbol in self.symbols:
            numbers = _numbers(tickers.get(symbol) or {})
            if numbers is not None and (renew or self._seen.get(symbol) != numbers):
                self._seen[symbol] = numbers
                rows.append(_quote(symbol, numbers))
        if renew:
            self._renewed = time.monotonic()
        return rows


async def all_or_none(coroutines: Sequence[Awaitable[None]]) -> None:
    """Run them side by side; when the first ends or breaks, end the others and raise what it raised."""
    tasks = [asyncio.ensure_future(one) for one in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def connected(exchange: str) -> Iterator[None]:
    """A broken market socket is only ever a reason to connect again: nothing was sent that could be in doubt."""
    try:
        with translated(f"Streaming {exchange}"):
            yield
    except ExchangeAmbiguous as error:
        raise ExchangeRetry(f"The market sockets of {exchange} broke.", raw=error.raw) from error


def _numbers(ticker: dict[str, Any]) -> tuple[float, float, float, float] | None:
    """bid, ask and their sizes, or None where the book has no two sides (or they cross)."""
    bid, ask = ticker.get("bid"), ticker.get("ask")
    if not bid or not ask or not 0.0 < bid <= ask:
        return None
    return bid, ask, ticker.get("bidVolume") or 0.0, ticker.get("askVolume") or 0.0


def _quote(symbol: str, numbers: tuple[float, float, float, float]) -> QuoteRow:
    bid, ask, bid_size, ask_size = (Decimal(repr(float(number))) for number in numbers)
    return QuoteRow(symbol, bid, ask, bid_size, ask_size, now())
