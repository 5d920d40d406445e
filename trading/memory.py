"""Small notes of one account, shared by the processes that work on it (Redis, or this process's own memory)."""

from typing import Any

from django.core.cache import cache


class AccountMemory:
    """Implements `trading.turn.ports.Memory` over Django's cache."""

    def __init__(self, account_id: int) -> None:
        self.prefix = f"trading:{account_id}:"

    def note_once(self, name: str, value: Any, seconds: float) -> bool:
        """Keep it unless it is there."""
        return bool(cache.add(self.prefix + name, value, timeout=seconds))

    def note_put(self, name: str, value: Any, seconds: float) -> None:
        """Keep it, in place of an older one."""
        cache.set(self.prefix + name, value, timeout=seconds)

    def note_read(self, name: str) -> Any:
        """The note, or None."""
        return cache.get(self.prefix + name)

    def note_drop(self, name: str) -> bool:
        """Forget it; whether it was there."""
        return bool(cache.delete(self.prefix + name))
