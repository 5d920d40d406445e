"""The one module that pushes to browsers: typed payloads to the group of one user, or to everybody.

Consumers join `user_group(user_id)` and `EVERYBODY` and forward messages of type `live.events`:
`{"type": "live.events", "events": [{"kind": <Kind>, "payload": {...}}, ...]}`. Decimals travel as text, times as ISO
8601 UTC. A push never raises: a page that misses one gets the next, and the database holds the truth.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NotRequired, TypedDict
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.core.cache import cache

from accounts.clock import now
from accounts.exchanges.loop import run
from accounts.fields import decimal_text

logger = logging.getLogger(__name__)
EVERYBODY = "everybody"
SEND_S = 5.0  # a Redis that takes longer loses the push
Waiting = dict[int | None, list[dict[str, Any]]]  # by user (None: everybody), oldest first
_taps: list[Callable[[int | None, str, dict[str, Any]], None]] = []
_waiting: ContextVar[Waiting | None] = ContextVar("waiting", default=None)


class Kind(StrEnum):
    """What a message is about."""

    PNL = "pnl"
    POSITION = "position"
    ORDER = "order"
    FILL = "fill"
    TRADE = "trade"
    BOT = "bot"
    SIGNAL = "signal"
    SNAPSHOT = "snapshot"
    NOTICE = "notice"
    MARKET = "market"
    STOP = "stop"


NUMBERS_ONLY = (Kind.PNL, Kind.SNAPSHOT, Kind.MARKET)
"""Kinds that move numbers on a page; all others may change what stands on it."""
CHANGED_KEPT_S = 3600


class PnlRow(TypedDict):
    """One open position now; money in quote currency, `pnl_percent` a percentage."""

    id: str
    symbol: str
    last: str
    value: str
    pnl: str
    pnl_percent: str


class PnlPayload(TypedDict):
    """The open positions of one account whose prices moved, with the totals over all of the account's positions.

    The account's value is left out while one of its tokens waits for a quote, or a deposit for the next snapshot.
    """

    account: str
    positions: list[PnlRow]
    unrealised: str
    in_positions: NotRequired[str]
    equity: NotRequired[str]
    today: NotRequired[str | None]
    at: str


class SnapshotPayload(TypedDict):
    """A new point of an account's equity curve, in its quote currency."""

    account: str
    equity: str
    free: str
    in_positions: str
    net_deposits: str
    at: str


class PositionPayload(TypedDict):
    """A position as it is now (kind `position` while open, `trade` once closed)."""

    id: str
    account: str
    bot: str
    symbol: str
    status: str
    amount: str
    entry: str
    stop: str | None
    target: str | None
    realised_pnl: str
    close_reason: str
    opened_at: str
    closed_at: str | None


class OrderPayload(TypedDict):
    """An order as it is now."""

    id: str
    account: str
    bot: str
    position: str | None
    symbol: str
    side: str
    type: str
    status: str
    amount: str
    price: str | None
    filled: str
    reason: str
    created_at: str


class FillPayload(TypedDict):
    """An execution that was accounted."""

    id: str
    account: str
    bot: str
    order: str
    position: str | None
    symbol: str
    side: str
    price: str
    amount: str
    fee: str
    fee_currency: str
    executed_at: str


class SignalRow(TypedDict):
    """One new signal (kind `signal` carries `{"signals": [SignalRow]}`)."""

    id: str
    exchange: str
    symbol: str
    timeframe: str
    side: str
    confidence: float
    strategy: str
    reason: str
    candle_open_time: str


class MarketPayload(TypedDict):
    """State of one exchange's market streams; `age_s` is the age of the newest event when this was sent."""

    exchange: str
    connection: str
    age_s: float | None
    at: str


def user_group(user_id: int) -> str:
    """Name of the channel group that carries one user's messages."""
    return f"user.{user_id}"


def push(user_id: int, kind: str, payload: Any) -> None:
    """Send one typed payload to every open page of one user (callable from any thread)."""
    _push(user_id, kind, plain(payload))


def broadcast(kind: str, payload: Any) -> None:
    """Send one typed payload to every open page (market state, platform stops)."""
    _push(None, kind, plain(payload))


@contextmanager
def gathered() -> Iterator[None]:
    """What is pushed inside of it leaves at its end, as one message for each user."""
    waiting: Waiting = {}
    token = _waiting.set(waiting)
    try:
        yield
    finally:
        _waiting.reset(token)
        _send(waiting)


def changed_since(user_id: int, at: float) -> bool:
    """Whether anything that changes a page's structure was pushed to this user since a Unix time in seconds."""
    found = cache.get_many([_changed_key(user_id), _changed_key(None)])
    return any(moment >= at for moment in found.values())


def on_push(tap: Callable[[int | None, str, dict[str, Any]], None]) -> None:
    """Have `tap(user_id, kind, payload)` called with everything pushed from this process (runbot prints it)."""
    _taps.append(tap)


def plain(value: Any) -> Any:
    """The value as JSON knows it: Decimals and ids as text, times as ISO 8601."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _changed_key(user_id: int | None) -> str:
    return f"live.changed.{EVERYBODY if user_id is None else user_id}"


def _push(user_id: int | None, kind: str, payload: dict[str, Any]) -> None:
    for tap in _taps:
        tap(user_id, str(kind), payload)
    event, waiting = {"kind": str(kind), "payload": payload}, _waiting.get()
    if waiting is None:
        _send({user_id: [event]})
    else:
        waiting.setdefault(user_id, []).append(event)


def _send(messages: Waiting) -> None:
    if not messages or not threading.main_thread().is_alive():  # the process ends: nothing can be sent any more
        return
    try:
        moment = now().timestamp()
        changed = [
            _changed_key(user_id)
            for user_id, events in messages.items()
            if any(event["kind"] not in NUMBERS_ONLY for event in events)
        ]
        if changed:
            cache.set_many(dict.fromkeys(changed, moment), CHANGED_KEPT_S)
        if settings.REDIS_URL:  # its connections belong to the loop that made them: always the same one
            run(_deliver(messages), timeout_s=SEND_S)
        else:
            async_to_sync(_deliver)(messages)
    except Exception:
        logger.exception("a push of %d messages was lost", len(messages))


async def _deliver(messages: Waiting) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    for user_id, events in messages.items():
        group = EVERYBODY if user_id is None else user_group(user_id)
        await layer.group_send(group, {"type": "live.events", "events": events})
