"""Notes that may be lost at any time."""

from datetime import timedelta
from typing import Any


class SimMemory:
    """Implements `trading.turn.ports.Memory`; `world.notes` may be flushed at any time."""

    def __init__(self, world: Any, account_id: int) -> None:
        self.world, self.account_id = world, account_id

    def note_once(self, name: str, value: Any, seconds: float) -> bool:
        if self.note_read(name) is not None:
            return False
        self.world.notes[self.account_id, name] = (value, self.world.now() + timedelta(seconds=seconds))
        return True

    def note_read(self, name: str) -> Any:
        value, until = self.world.notes.get((self.account_id, name), (None, None))
        return value if until is not None and until > self.world.now() else None

    def note_drop(self, name: str) -> bool:
        return self.world.notes.pop((self.account_id, name), None) is not None
