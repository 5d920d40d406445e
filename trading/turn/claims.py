"""Which intents of the queue a turn takes, and in what order."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from trading.domain.types import IntentTaken
from trading.turn.ports import Lease, Loaded, QueuedIntent, Store


@dataclass(slots=True)
class Waiting:
    """Intents to be taken: exits first (they free money and slots), then the surest, then by symbol."""

    rows: list[QueuedIntent]

    @property
    def symbols(self) -> set[str]:
        """What they would trade."""
        return {row.taken.symbol for row in self.rows}

    def unpriced_leave(self, priced: Set[str], at: datetime) -> None:
        """Let entries wait whose symbol shows no price yet, as in the first seconds of a start, until they expire."""
        self.rows = [row for row in self.rows if row.taken.symbol in priced or not _may_wait(row.taken, at)]

    def entries_leave(self) -> None:
        """Take only what reduces, for now."""
        self.rows = [row for row in self.rows if not row.taken.purpose.is_entry]

    def claim(self, store: Store, lease: Lease, at: datetime) -> list[IntentTaken]:
        """Claim them all, as events; those withdrawn meanwhile are left out. Raises LeaseLost."""
        if not self.rows:
            return []
        taken = store.claim(lease, [row.taken.intent_id for row in self.rows], at)
        return [row.event(at) for row in self.rows if row.taken.intent_id in taken]


def _may_wait(intent: IntentTaken, at: datetime) -> bool:
    return intent.purpose.is_entry and intent.expires_at is not None and intent.expires_at > at


def intents_waiting(loaded: Loaded) -> Waiting:
    """What is pending, and what a killed run had claimed and never decided nor began to work on."""
    state = loaded.state
    at_work: set[UUID | None] = {position.exit_intent_id for position in state.positions.values()}
    at_work |= {intent for order in state.orders.values() for intent in (order.intent_id, order.replace_intent_id)}
    found = [row for row in loaded.intents if not row.claimed or row.taken.intent_id not in at_work]
    return Waiting(sorted(found, key=_rank))


def _rank(row: QueuedIntent) -> tuple[object, ...]:
    intent = row.taken
    return intent.purpose.is_entry, -intent.confidence, intent.symbol, row.number
