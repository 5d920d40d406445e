"""The in-memory channel layer for the one-process demo, safe to send to from any thread."""

import asyncio
from typing import Any

from channels.layers import InMemoryChannelLayer


class ThreadSafeInMemoryChannelLayer(InMemoryChannelLayer):  # type: ignore[misc]
    """Hands every send over to the loop that serves the browsers.

    Channels' own in-memory layer is not thread-safe: pushes from a worker thread arrive late or never, because a
    queue of one event loop is filled from another thread. The first consumer's loop is remembered as the home loop.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._home: asyncio.AbstractEventLoop | None = None

    async def receive(self, channel: str) -> Any:
        """Only consumers receive, so this loop is the one that serves them."""
        self._home = asyncio.get_running_loop()
        return await super().receive(channel)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send in the home loop, whichever thread asks."""
        await self._at_home(super().group_send(group, message))

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Send in the home loop, whichever thread asks."""
        await self._at_home(super().send(channel, message))

    async def _at_home(self, coroutine: Any) -> None:
        home = self._home
        if home is None or home is asyncio.get_running_loop() or home.is_closed():
            await coroutine
        else:
            asyncio.run_coroutine_threadsafe(coroutine, home)
