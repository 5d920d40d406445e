"""The streams of one exchange: market sockets under a lease, the candle's close, and the wake-up of the scan.

`streams_main` blocks until its stop event is set. Everything asynchronous runs on this process's one exchange loop
(so clients and their loaded markets are shared with the scan), database work on one thread of its own.
"""

import asyncio
import inspect
import logging
import random
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from django.conf import settings
from django.db import close_old_connections

from accounts.exchanges.errors import ExchangeError, ExchangeStopped, translated
from accounts.exchanges.loop import background_loop
from signals import quotes, seconds
from signals.candles.feed import candles_put
from signals.candles.seconds import SecondsBook
from signals.domain.timeframes import last_closed_ms, timeframe_ms
from signals.exchange_clock import ExchangeClock
from signals.leases import lease_release, lease_take, owner_name
from signals.market_feed import MarketFeed, all_or_none
from signals.selectors import symbols_selected, symbols_streamed
from signals.services import exchange_state
from signals.services.setup import exchange_prepare

CLOSE_GRACE_MS = 2000  # a candle is closed when the exchange's clock is this far past its end
HEARTBEAT_S = 3.0
STALE_S = 15.0
BACKOFF_S = (1.0, 30.0)
BARRED_S = 60.0
POLL_S = 0.2
FINAL_POLL_S = 0.02

StartCallback = Callable[[str, asyncio.AbstractEventLoop], Any]
Wake = Callable[[str, str, int], None]
_on_start: list[StartCallback] = []
log = logging.getLogger(__name__)


def on_start(callback: StartCallback) -> None:
    """Call `callback(exchange, loop)` inside the streams' event loop once they hold the lease.

    A coroutine function (or one that returns an awaitable) runs as a task that is cancelled when the streams stop.
    """
    if callback not in _on_start:
        _on_start.append(callback)


def streams_main(exchange: str, stop: threading.Event, wake: Wake | None = None) -> None:
    """Stream one exchange until `stop` is set; returns within about two seconds of it.

    `wake(exchange, timeframe, candle_open_ms)` is called at each candle's close; by default it queues the scan.
    """
    streams = Streams(exchange, stop, wake or scan_queue)
    future = asyncio.run_coroutine_threadsafe(streams.run(), background_loop())
    try:
        future.result()
    finally:
        streams.close()


def scan_queue(exchange: str, timeframe: str, candle_open_ms: int) -> None:
    """Have a worker scan the candle."""
    from signals.tasks import scan_candle

    scan_candle.delay(exchange, timeframe, candle_open_ms)


class LeaseLost(Exception):
    """Another process streams this exchange now."""


class Streams:
    """One exchange's streams in this process."""

    def __init__(self, exchange: str, stop: threading.Event, wake: Wake) -> None:
        self.exchange, self.stop, self.wake, self.owner = exchange, stop, wake, owner_name()
        self.clock = ExchangeClock(exchange)
        self.failures = 0
        self.feed: MarketFeed | None = None
        self.seconds = SecondsBook()
        self._hooks: list[asyncio.Task[Any]] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"streams-{exchange}")
        self._waiting = False

    async def run(self) -> None:
        """Take the lease, serve, and come back after every failure, until stopped."""
        try:
            while not self.stop.is_set():
                await self._round()
        finally:
            await self._leave()

    def close(self) -> None:
        """Let go of the database thread."""
        self._thread.submit(close_old_connections)
        self._thread.shutdown(wait=True, cancel_futures=False)

    async def _round(self) -> None:
        try:
            if not await self._lease():
                await self._pause(POLL_S * 10)
                return
            await self._until_stopped(self._serve())
        except LeaseLost:
            log.warning("Another process streams %s now; waiting for its lease.", self.exchange)
        except ExchangeError as error:
            await self._failed(error, BARRED_S if isinstance(error, ExchangeStopped) else self._backoff())
        except Exception as error:
            # The trace once, then one line each time: a broken rule of ours repeats the same way.
            log.error("The streams of %s broke: %r", self.exchange, error, exc_info=self.failures == 0)
            await self._failed(error, self._backoff())

    async def _until_stopped(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        try:
            while not self.stop.is_set() and not task.done():
                await asyncio.wait({task}, timeout=POLL_S)
            if task.done():
                task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _serve(self) -> None:
        """One connected spell: prepare, then all loops side by side until one breaks."""
        from accounts.exchanges.factory import public_stream_client

        await self._db(lambda: exchange_prepare(exchange=self.exchange))
        await self.clock.sync()
        self._hooks_start()
        client = public_stream_client(self.exchange)
        with translated(f"Connecting to {self.exchange}"):
            await client.load_markets()
        symbols = await self._symbols()
        self.feed = MarketFeed(self.exchange, client, symbols, settings.XRAY_TIMEFRAMES)
        loops = [self.feed.quotes_run(), self.feed.candles_run(self.clock.ms), self._heartbeat(), self.clock.keep()]
        loops += [self._closes(timeframe) for timeframe in settings.XRAY_TIMEFRAMES]
        loops += self._trade_loops(client, symbols)
        log.info("Streaming %d symbols of %s.", len(symbols), self.exchange)
        await all_or_none(loops)

    def _trade_loops(self, client: Any, symbols: list[str]) -> list[Coroutine[Any, Any, None]]:
        """One-second candles where XRAY_SECONDS wants them; the book outlives a connection, its gaps are marked."""
        if not settings.XRAY_SECONDS:
            return []
        from signals.trade_feed import TradeFeed

        seconds.book_set(self.exchange, self.seconds)
        trades = TradeFeed(self.exchange, client, symbols, self.seconds, self.clock.ms)
        return [trades.watch_run(), trades.tick_run()]

    async def _symbols(self) -> list[str]:
        symbols = await self._db(lambda: symbols_selected(exchange=self.exchange))
        if not symbols:
            raise ExchangeError(f"No instrument of {self.exchange} passes the selection: `manage.py symbols` says why.")
        return list(await self._db(lambda: symbols_streamed(exchange=self.exchange)))

    async def _closes(self, timeframe: str) -> None:
        """Wake the scan of each candle at its close; at the start, of the last closed one."""
        step = timeframe_ms(timeframe)
        candle_ms = last_closed_ms(self.clock.ms(), timeframe, CLOSE_GRACE_MS)
        while True:
            await self._wake(timeframe, candle_ms, candle_ms + step)
            await self._closed(timeframe, candle_ms + step, candle_ms + 2 * step)
            candle_ms = max(last_closed_ms(self.clock.ms(), timeframe, CLOSE_GRACE_MS), candle_ms + step)

    async def _closed(self, timeframe: str, candle_ms: int, close_ms: int) -> None:
        """Wait for a candle's end: until the exchange has called it final for every symbol, or its clock is
        CLOSE_GRACE_MS past it.
        """
        while (left_ms := close_ms - self.clock.ms()) > 0:
            await asyncio.sleep(min(left_ms / 1000, 5.0))
        while close_ms + CLOSE_GRACE_MS > self.clock.ms():
            if self.feed is not None and self.feed.complete(timeframe, candle_ms):
                return
            await asyncio.sleep(FINAL_POLL_S)

    async def _wake(self, timeframe: str, candle_ms: int, close_ms: int) -> None:
        rows = self.feed.final_candles(timeframe, candle_ms, close_ms) if self.feed else {}

        def hand_over() -> None:
            candles_put(self.exchange, timeframe, candle_ms, rows)
            self.wake(self.exchange, timeframe, candle_ms)

        await self._db(hand_over)

    async def _heartbeat(self) -> None:
        """Renew the lease, show the connection's state, and notice a changed selection."""
        feed = self.feed
        assert feed is not None
        await asyncio.wait({asyncio.ensure_future(feed.delivering.wait())}, timeout=HEARTBEAT_S)
        while True:
            fresh = feed.last_event and time.monotonic() - feed.last_event < STALE_S
            self.failures = 0 if fresh else self.failures
            state = exchange_state.LIVE if fresh else exchange_state.STALE
            if not await self._lease():
                raise LeaseLost
            alive = partial(exchange_state.exchange_alive, exchange=self.exchange, connection=state)
            await self._db(partial(alive, last_event_at=feed.last_event_at))
            chosen = await self._db(lambda: symbols_streamed(exchange=self.exchange))
            if chosen and set(chosen) != set(feed.symbols):
                log.info("The selection of %s has changed: subscribing anew.", self.exchange)
                return
            await asyncio.sleep(HEARTBEAT_S)

    def _hooks_start(self) -> None:
        if self._hooks:
            return
        loop = asyncio.get_running_loop()
        for callback in _on_start:
            answer = callback(self.exchange, loop)
            if inspect.isawaitable(answer):
                self._hooks.append(asyncio.ensure_future(answer))

    async def _lease(self) -> bool:
        taken = await self._db(lambda: lease_take(exchange=self.exchange, owner=self.owner))
        if not taken and not self._waiting:
            log.info("Another process holds the streams of %s; waiting.", self.exchange)
        self._waiting = not taken
        return bool(taken)

    async def _failed(self, error: Exception, wait_s: float) -> None:
        self.failures += 1
        if isinstance(error, ExchangeError):
            log.warning(
                "%s: %s Check the network and XRAY_EXCHANGE_ENDPOINTS; trying again in %.0f s.",
                self.exchange, error, wait_s,
            )  # fmt: skip
        text = str(error) or repr(error)
        try:
            await self._db(lambda: exchange_state.exchange_failed(exchange=self.exchange, error=text))
        except Exception as problem:
            log.error("The state of %s could not be stored: %s", self.exchange, problem)
        await self._sockets_close()
        await self._pause(wait_s)

    def _backoff(self) -> float:
        first, most = BACKOFF_S
        return min(first * 2**self.failures, most) * random.uniform(0.75, 1.25)

    async def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.stop.is_set() and time.monotonic() < until:
            await asyncio.sleep(POLL_S)

    async def _sockets_close(self) -> None:
        """Close this exchange's market sockets; the next spell makes a fresh client."""
        from accounts.exchanges.factory import public_stream_client

        feed, self.feed = self.feed, None
        quotes.exchange_forget(self.exchange)
        if feed is None or feed.client is not public_stream_client(self.exchange):
            return
        session = feed.client.session
        await asyncio.wait_for(feed.client.close(), 1.0)
        if session is not None:
            await session.close()

    async def _leave(self) -> None:
        seconds.exchange_forget(self.exchange)
        for task in self._hooks:
            task.cancel()
        await asyncio.gather(*self._hooks, return_exceptions=True)
        try:
            await self._sockets_close()
        except Exception as error:
            log.debug("Closing the sockets of %s: %r", self.exchange, error)
        await self._db(self._give_back)

    def _give_back(self) -> None:
        if lease_take(exchange=self.exchange, owner=self.owner):
            exchange_state.exchange_left(exchange=self.exchange)
            lease_release(exchange=self.exchange, owner=self.owner)

    async def _db(self, work: Callable[[], Any]) -> Any:
        """Run blocking work on the streams' own thread."""

        def clean() -> Any:
            close_old_connections()
            return work()

        return await asyncio.get_running_loop().run_in_executor(self._thread, clean)
