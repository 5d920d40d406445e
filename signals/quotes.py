"""Best bid and ask of every scanned symbol: published by the streams process, read by whoever values or trades.

In one process a dict. With REDIS_URL the publisher also writes a Redis hash, and other processes read from it.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.conf import settings

from signals.shared_redis import redis_client

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QuoteRow:
    """Best bid and ask (quote currency) with their sizes (base currency), and when the exchange or we saw them."""

    symbol: str
    bid: Decimal
    ask: Decimal
    bid_size: Decimal
    ask_size: Decimal
    at: datetime


Callback = Callable[[str, list[QuoteRow]], None]
_latest: dict[str, dict[str, QuoteRow]] = {}
_callbacks: list[Callback] = []
_lock = threading.Lock()


def publish(exchange: str, rows: Iterable[QuoteRow]) -> None:
    """Make these the latest quotes and tell every listener; a listener that raises is logged, others go on."""
    batch = list(rows)
    if not batch:
        return
    with _lock:
        _latest.setdefault(exchange, {}).update({row.symbol: row for row in batch})
    if settings.REDIS_URL:
        redis_client().hset(_key(exchange), mapping={row.symbol: _packed(row) for row in batch})
    for callback in list(_callbacks):
        try:
            callback(exchange, batch)
        except Exception:
            log.exception("A listener of quotes failed; the others go on.")


def on_quotes(callback: Callback) -> None:
    """Call `callback(exchange, rows)` for every batch, in the process and thread of the streams. Must be quick."""
    if callback not in _callbacks:
        _callbacks.append(callback)


def latest(exchange: str, symbol: str) -> QuoteRow | None:
    """The newest quote of a symbol, or None when none was ever seen. Check `at` for its age."""
    row = _latest.get(exchange, {}).get(symbol)
    if row is not None or not settings.REDIS_URL:
        return row
    packed = redis_client().hget(_key(exchange), symbol)
    return None if packed is None else _unpacked(symbol, packed)


def latest_all(exchange: str) -> dict[str, QuoteRow]:
    """The newest quotes of all symbols."""
    with _lock:
        rows = dict(_latest.get(exchange, {}))
    if rows or not settings.REDIS_URL:
        return rows
    packed = redis_client().hgetall(_key(exchange))
    return {symbol.decode(): _unpacked(symbol.decode(), row) for symbol, row in packed.items()}


def exchange_forget(exchange: str) -> None:
    """Drop this process's own copy (it no longer streams the exchange), so that nothing stale hides Redis."""
    with _lock:
        _latest.pop(exchange, None)


def quotes_forget() -> None:
    """Forget all quotes and listeners of this process (tests)."""
    with _lock:
        _latest.clear()
        _callbacks.clear()


def _key(exchange: str) -> str:
    return f"xray:quotes:{exchange}"


def _packed(row: QuoteRow) -> str:
    numbers = (row.bid, row.ask, row.bid_size, row.ask_size)
    return json.dumps([*(str(number) for number in numbers), row.at.isoformat()])


def _unpacked(symbol: str, packed: bytes) -> QuoteRow:
    *numbers, at = json.loads(packed)
    bid, ask, bid_size, ask_size = (Decimal(number) for number in numbers)
    return QuoteRow(symbol, bid, ask, bid_size, ask_size, datetime.fromisoformat(at))
