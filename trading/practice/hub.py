"""Connections and what they are subscribed to; the pulse that feeds them.

A client that does not read fast enough is disconnected: it must never hold up the others.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

from trading.practice.exchange import Exchange
from trading.practice.streams import Due, stream_open

log = logging.getLogger(__name__)

QUEUE = 2_000  # messages a slow client may be behind
PULSE_MS = 100


Twist = Callable[[int, dict[str, Any]], list[float]]  # (account, event) -> seconds after which it is told, each time


def told_once(account: int, event: dict[str, Any]) -> list[float]:
    """At once, and once."""
    return [0.0]


class Client:
    """One websocket; messages leave through a queue of its own."""

    def __init__(self, socket: web.WebSocketResponse, combined: bool) -> None:
        self.socket, self.combined = socket, combined
        self.stalled_until = 0.0  # a socket that stays open and says nothing more
        self._queue: asyncio.Queue[str] = asyncio.Queue(QUEUE)
        self._writer = asyncio.create_task(self._write())

    def send(self, message: Any) -> None:
        """Queue a JSON-able message."""
        self.send_text(orjson.dumps(message).decode())

    def send_text(self, text: str) -> None:
        """Queue a text; a client too far behind is cut off, one that is stalled hears nothing."""
        if time.monotonic() < self.stalled_until:
            return
        try:
            self._queue.put_nowait(text)
        except asyncio.QueueFull:
            self._writer.cancel()

    async def _write(self) -> None:
        try:
            while True:
                await self.socket.send_str(await self._queue.get())
        except (ConnectionError, asyncio.CancelledError, RuntimeError):
            await self.socket.close()

    def stop(self) -> None:
        """End the writer; it closes the socket."""
        self._writer.cancel()


class Hub:
    """Who listens to what."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._streams: dict[str, Due] = {}
        self._subscribers: defaultdict[str, set[Client]] = defaultdict(set)
        self._users: defaultdict[int, list[tuple[Client, dict[str, Any], str]]] = defaultdict(list)
        self.clients: set[Client] = set()
        self.twist: Twist = told_once  # a fault script may lose, repeat or hold back events
        exchange.listeners.append(self.user_event)

    def subscribe(self, client: Client, name: str) -> bool:
        """Add a client to a market stream; False when there is no such stream."""
        if name not in self._streams:
            stream = stream_open(self._exchange.market, name, self._exchange.clock())
            if stream is None:
                return False
            self._streams[name] = stream
        self._subscribers[name].add(client)
        return True

    def unsubscribe(self, client: Client, name: str) -> None:
        """Remove a client; a stream nobody listens to is closed."""
        self._subscribers[name].discard(client)
        if not self._subscribers[name]:
            self._subscribers.pop(name)
            self._streams.pop(name, None)

    def names_of(self, client: Client) -> list[str]:
        """The market streams a client is subscribed to."""
        return [name for name, clients in self._subscribers.items() if client in clients]

    def subscribe_user(self, client: Client, account: int, envelope: dict[str, Any], slot: str = "") -> None:
        """Send an account's events to a client; with ``slot`` they travel inside ``envelope`` under that name."""
        self._users[account].append((client, envelope, slot))

    def unsubscribe_user(self, client: Client) -> None:
        """Send no account's events to this client any more."""
        for listeners in self._users.values():
            listeners[:] = [listener for listener in listeners if listener[0] is not client]

    def user_event(self, account: int, event: dict[str, Any]) -> None:
        """Hand an event to the account's listeners, after it has been committed."""
        for seconds in self.twist(account, event):
            if seconds:
                asyncio.get_running_loop().call_later(seconds, self._tell, account, event)
            else:
                self._tell(account, event)

    def _tell(self, account: int, event: dict[str, Any]) -> None:
        for client, envelope, slot in self._users.get(account, ()):
            client.send(envelope | {slot: event} if slot else event)

    def clients_of(self, account: int | None) -> list[Client]:
        """The connections that hear an account's events; all there are without one."""
        if account is None:
            return list(self.clients)
        return [client for client, _, _ in self._users.get(account, ())]

    def drop(self, client: Client) -> None:
        """Forget a closed connection."""
        client.stop()
        self.clients.discard(client)
        self.unsubscribe_user(client)
        for name in self.names_of(client):
            self.unsubscribe(client, name)

    async def close(self) -> None:
        """Tell every client that the server goes away."""
        for client in list(self.clients):
            client.stop()
            await client.socket.close(code=1001, message=b"server shutdown")

    async def run(self) -> None:
        """The pulse: match what the tape brought, push what is due."""
        while True:
            await asyncio.sleep((PULSE_MS - self._exchange.clock() % PULSE_MS) / 1000)
            try:
                self._push(self._exchange.tick())
            except Exception:
                log.exception("the pulse failed; it goes on")

    def _due(self, name: str, due: Due, now: int) -> list[Any]:
        try:
            return due(now)
        except Exception:
            log.exception("the stream %s failed; the others go on", name)
            return []

    def _push(self, now: int) -> None:
        for name, due in list(self._streams.items()):
            for event in self._due(name, due, now):
                bare = orjson.dumps(event).decode()
                wrapped = f'{{"stream":"{name}","data":{bare}}}'
                for client in self._subscribers[name]:
                    client.send_text(wrapped if client.combined else bare)
