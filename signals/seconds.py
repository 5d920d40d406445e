"""The newest 60 one-second candles of every streamed symbol: written by the streams process, read by anybody.

In one process the streams' own rings. With REDIS_URL the closed seconds also go to Redis, one hash a second (it
expires), and other processes read from there. Off unless XRAY_SECONDS is set.
"""

import threading

import numpy as np
from django.conf import settings

from signals.candles.seconds import COLUMNS, SECOND_MS, SHOWN, Seconds, SecondsBook
from signals.shared_redis import redis_client

EXPIRES_S = 150
_books: dict[str, SecondsBook] = {}
_lock = threading.Lock()


def book_set(exchange: str, book: SecondsBook) -> None:
    """This process streams the exchange: its readers read these rings."""
    with _lock:
        _books[exchange] = book


def exchange_forget(exchange: str) -> None:
    """This process streams the exchange no more."""
    with _lock:
        _books.pop(exchange, None)


def seconds_read(exchange: str, symbol: str, last: int = SHOWN) -> Seconds:
    """The newest `last` (at most 60) closed seconds of a symbol, oldest first; NaN where the trade socket was not up
    all the time, a carried close with zero volume where nobody traded. Empty where nothing is streamed.
    """
    last = min(max(last, 0), SHOWN)
    book = _books.get(exchange)
    if book is not None:
        return book.read(symbol, last)
    return _shared_read(exchange, symbol, last) if settings.REDIS_URL else Seconds.empty()


def seconds_share(exchange: str, rows: dict[str, Seconds]) -> None:
    """Put closed seconds of all symbols into Redis (nothing happens without it)."""
    if not settings.REDIS_URL or not rows:
        return
    hashes: dict[int, dict[str, bytes]] = {}
    for symbol, seconds in rows.items():
        for at, packed in zip(seconds.open_time_ms.tolist(), seconds.values.T, strict=True):
            hashes.setdefault(at, {})[symbol] = packed.tobytes()
    pipe = redis_client().pipeline(transaction=False)
    for at, mapping in hashes.items():
        pipe.hset(_key(exchange, at), mapping=mapping)
        pipe.expire(_key(exchange, at), EXPIRES_S)
    pipe.set(_key(exchange), max(hashes, default=0), ex=EXPIRES_S)
    pipe.execute()


def _shared_read(exchange: str, symbol: str, last: int) -> Seconds:
    newest = int(redis_client().get(_key(exchange)) or 0)
    if not newest:
        return Seconds.empty()
    times = newest - SECOND_MS * np.arange(last - 1, -1, -1, dtype=np.int64)
    pipe = redis_client().pipeline(transaction=False)
    for at in times.tolist():
        pipe.hget(_key(exchange, at), symbol)
    values = np.full((len(COLUMNS), last), np.nan)
    for column, packed in enumerate(pipe.execute()):
        if packed is not None:
            values[:, column] = np.frombuffer(packed)
    return Seconds(times, values)


def _key(exchange: str, at: int | None = None) -> str:
    return f"xray:seconds:{exchange}" + ("" if at is None else f":{at}")
