"""Quotes for open chart pages: one small message per exchange and second, not one per symbol.

`market_push_start()` registers the listener where quotes are published (the streams' process). Consumers that watch a
symbol of the exchange are in its group and pick their symbols out of the batch.
"""

import asyncio
import logging
import time
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from signals import quotes
from signals.quotes import QuoteRow

log = logging.getLogger(__name__)
EVERY_S = 1.0
_waiting: dict[str, dict[str, dict[str, str]]] = {}
_sent_at: dict[str, float] = {}
_sending: set[asyncio.Task[None]] = set()


def market_group(exchange: str) -> str:
    """Name of the channel group that carries one exchange's quotes."""
    return f"market.{exchange}"


def market_push_start() -> None:
    """Push quotes of every exchange from now on (called once where the streams run)."""
    quotes.on_quotes(quotes_collect)


def quotes_collect(exchange: str, rows: list[QuoteRow]) -> None:
    """Keep the newest quote per symbol and send them together, at most once a second."""
    batch = _waiting.setdefault(exchange, {})
    batch.update({row.symbol: {"bid": str(row.bid), "ask": str(row.ask), "at": row.at.isoformat()} for row in rows})
    if time.monotonic() - _sent_at.get(exchange, 0.0) >= EVERY_S:
        _sent_at[exchange] = time.monotonic()
        _waiting[exchange] = {}
        _send(exchange, batch)


def _send(exchange: str, batch: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    message = {"type": "market.quotes", "exchange": exchange, "quotes": batch}
    try:
        _group_send(layer, market_group(exchange), message)
    except Exception:
        log.exception("Quotes for open charts were lost; the next second brings newer ones.")


def _group_send(layer: Any, group: str, message: dict[str, Any]) -> None:
    """Send from the streams' thread, which may already run an event loop."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        async_to_sync(layer.group_send)(group, message)
    else:
        task = loop.create_task(layer.group_send(group, message))
        _sending.add(task)  # a task that nobody holds may be collected before it ran
        task.add_done_callback(_sending.discard)
