"""The browser's socket: authenticates by session and forwards what `trading.live` pushes to its user.

To the browser: {"kind": ..., "payload": {...}}. From the browser: {"action": "watch", "exchange", "symbol"} and
{"action": "unwatch"} choose the markets whose quotes this page wants; {"action": "since", "at": <Unix time>} asks
whether the page missed anything between its rendering and the socket's opening ({"kind": "missed"} when it did). A
user's socket joins the group of that user and the one for everybody; there is no way to name another group.
"""

import asyncio
import logging
from typing import Any

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings

from trading.live import EVERYBODY, changed_since, user_group
from trading.market_push import market_group

logger = logging.getLogger(__name__)
LOGIN_NEEDED = 4401
MAX_WATCHED = 8
REJOIN_S = 20.0  # a membership ends after a day, or with a Redis that lost its data


class LiveConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    """One open page of one logged-in user."""

    groups_joined: set[str]
    watched: set[tuple[str, str]]
    keeper: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Accept a logged-in active user; anybody else is closed with 4401."""
        self.groups_joined, self.watched = set(), set()
        user = self.scope.get("user")
        if user is None or not user.is_authenticated or not user.is_active:
            await self.accept()
            await self.close(code=LOGIN_NEEDED)
            return
        await self._join(user_group(user.pk))
        await self._join(EVERYBODY)
        await self.accept()
        self.keeper = asyncio.create_task(self._groups_keep())

    async def disconnect(self, code: int) -> None:
        """Leave all groups."""
        if self.keeper is not None:
            self.keeper.cancel()
        for group in self.groups_joined:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def receive_json(self, content: Any, **_kwargs: Any) -> None:
        """Watch or unwatch a market, or ask what was missed; anything else is ignored."""
        if not isinstance(content, dict) or not self.groups_joined:
            return
        if content.get("action") == "unwatch":
            self.watched.clear()
        elif content.get("action") == "watch":
            await self._watch(str(content.get("exchange", "")), str(content.get("symbol", "")))
        elif content.get("action") == "since":
            await self._missed(content.get("at"))

    async def live_events(self, message: dict[str, Any]) -> None:
        """Forward what `trading.live` sent."""
        for event in message["events"]:
            await self.send_json({"kind": event["kind"], "payload": event["payload"]})

    async def market_quotes(self, event: dict[str, Any]) -> None:
        """Forward the quotes that this page watches, out of one exchange's batch."""
        for symbol, row in event["quotes"].items():
            if (event["exchange"], symbol) in self.watched:
                payload = {"exchange": event["exchange"], "symbol": symbol, **row}
                await self.send_json({"kind": "quote", "payload": payload})

    async def _watch(self, exchange: str, symbol: str) -> None:
        if exchange not in settings.XRAY_EXCHANGES or len(symbol) > 32 or len(self.watched) >= MAX_WATCHED:
            return
        self.watched.add((exchange, symbol))
        await self._join(market_group(exchange))

    async def _missed(self, at: Any) -> None:
        if isinstance(at, int | float) and await sync_to_async(changed_since)(self.scope["user"].pk, at):
            await self.send_json({"kind": "missed", "payload": {}})

    async def _join(self, group: str) -> None:
        if group not in self.groups_joined:
            self.groups_joined.add(group)
            await self.channel_layer.group_add(group, self.channel_name)

    async def _groups_keep(self) -> None:
        while True:
            await asyncio.sleep(REJOIN_S)
            try:
                for group in list(self.groups_joined):
                    await self.channel_layer.group_add(group, self.channel_name)
            except Exception as error:
                logger.warning("a page's groups could not be joined again: %r", error)
