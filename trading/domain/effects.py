"""What the engine decides: to be stored in this order, and to be sent where it is an order or a cancel."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from trading.domain.events import FillSeen
from trading.domain.state import OrderState, PositionState, Purpose, Side


@dataclass(frozen=True, slots=True)
class IntentOpened:
    """The engine itself decided to exit: a new intent (already claimed by this step)."""

    at: datetime
    intent_id: UUID
    bot_id: UUID
    position_id: UUID
    symbol: str
    side: Side
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class IntentDecided:
    """An intent ended: 'done', 'denied', 'expired' or 'failed'."""

    at: datetime
    intent_id: UUID
    status: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RiskDenied:
    """A rule refused an entry; `facts` are the numbers it saw, as text."""

    at: datetime
    intent_id: UUID
    bot_id: UUID
    rule: str
    reason: str
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RiskTripped:
    """A running rule came into force for a bot: `level` is the rung of the stop ladder that it asks for."""

    at: datetime
    bot_id: UUID
    rule: str
    level: int
    reason: str
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    """A new order (status PENDING): store it, commit, then send it to the broker."""

    at: datetime
    order: OrderState


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Ask the broker to cancel this order."""

    at: datetime
    client_order_id: str


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """Status, filled or cost of an order changed; the order as it is now."""

    at: datetime
    order: OrderState


@dataclass(frozen=True, slots=True)
class FillApplied:
    """A fill was accounted for the first time."""

    at: datetime
    order: OrderState
    fill: FillSeen


@dataclass(frozen=True, slots=True)
class PositionChanged:
    """A position as it is now (also when it is new, closed or cancelled)."""

    at: datetime
    position: PositionState


@dataclass(frozen=True, slots=True)
class LedgerPosted:
    """One signed movement of one currency; `reference` is unique per currency."""

    at: datetime
    currency: str
    amount: Decimal
    kind: str
    reference: str


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something that should not have come was answered by a stated rule (see `engine`); for the log."""

    at: datetime
    text: str


Effect = (
    IntentOpened
    | IntentDecided
    | RiskDenied
    | RiskTripped
    | OrderPlaced
    | CancelAsked
    | OrderChanged
    | FillApplied
    | PositionChanged
    | LedgerPosted
    | Oddity
)
