"""One background event loop of this process, so that synchronous code can reuse asynchronous clients."""

import asyncio
import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

from accounts.exchanges.errors import ExchangeAmbiguous

T = TypeVar("T")
_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_pid = 0


def background_loop() -> asyncio.AbstractEventLoop:
    """The loop, started on first use (again after a fork, which does not copy threads)."""
    global _loop, _pid
    with _lock:
        if _loop is None or _loop.is_closed() or _pid != os.getpid():
            _loop, _pid = asyncio.new_event_loop(), os.getpid()
            threading.Thread(target=_serve, args=(_loop,), name="exchange-loop", daemon=True).start()
            atexit.register(_stop, _loop, _pid)
        return _loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(_unawaited)
    loop.run_forever()


def _unawaited(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """ccxt leaves copies of an error that was raised already in futures nobody awaits: no news, and no trace."""
    if not type(context.get("exception")).__module__.startswith("ccxt."):
        loop.default_exception_handler(context)


def _stop(loop: asyncio.AbstractEventLoop, pid: int) -> None:
    """Close the clients of the loop, briefly, when the process ends."""
    factory = sys.modules.get("accounts.exchanges.factory")
    if pid != os.getpid() or loop.is_closed() or factory is None:
        return
    with contextlib.suppress(Exception):
        asyncio.run_coroutine_threadsafe(factory.clients_close(), loop).result(3)


def run(coroutine: Coroutine[Any, Any, T], *, timeout_s: float) -> T:
    """Run the coroutine on the background loop and wait for its result.

    Raises:
        ExchangeAmbiguous: no result within `timeout_s` seconds; the coroutine was cancelled, its effect is unknown.
        RuntimeError: called from the background loop itself, which would wait for itself for ever.

    """
    if _running_loop() is background_loop():
        coroutine.close()
        raise RuntimeError("run() was called inside the background loop: await the coroutine instead.")
    return result(begin(coroutine), timeout_s=timeout_s)


def begin(coroutine: Coroutine[Any, Any, T]) -> Future[T]:
    """Start the coroutine on the background loop and do not wait; `result` does."""
    return asyncio.run_coroutine_threadsafe(coroutine, background_loop())


def result(future: Future[T], *, timeout_s: float) -> T:
    """What a coroutine that was begun came to. Raises as `run`."""
    try:
        return future.result(timeout_s)
    except FutureTimeout:
        if future.done():
            raise
        future.cancel()
        raise ExchangeAmbiguous(f"No answer within {timeout_s:g} s. It may have happened: look it up.") from None


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
