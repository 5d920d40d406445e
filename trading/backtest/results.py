"""What a run in memory came to: a journal that keeps orders, fills, positions and ledger."""

from dataclasses import dataclass, field
from uuid import UUID

from trading.domain.types import (
    Effect,
    Event,
    FillApplied,
    FillSeen,
    IntentDecided,
    LedgerPosted,
    OrderChanged,
    OrderPlaced,
    OrderState,
    PositionChanged,
    PositionState,
    PositionStatus,
    RiskDenied,
    RiskTripped,
)


@dataclass(slots=True)
class Results:
    """A runner's journal (see `trading.runner.Journal`), and the last state of all that came up."""

    orders: dict[str, OrderState] = field(default_factory=dict)
    fills: list[tuple[OrderState, FillSeen]] = field(default_factory=list)
    positions: dict[UUID, PositionState] = field(default_factory=dict)
    ledger: list[LedgerPosted] = field(default_factory=list)
    decided: dict[UUID, IntentDecided] = field(default_factory=dict)
    denied: list[RiskDenied] = field(default_factory=list)
    tripped: list[RiskTripped] = field(default_factory=list)

    def note(self, event: Event, effects: list[Effect], *, answer: bool) -> None:
        """Keep the effects."""
        for effect in effects:
            match effect:
                case OrderPlaced(order=order) | OrderChanged(order=order):
                    self.orders[order.client_order_id] = order
                case FillApplied(order=order, fill=fill):
                    self.fills.append((order, fill))
                case PositionChanged(position=position):
                    self.positions[position.position_id] = position
                case LedgerPosted():
                    self.ledger.append(effect)
                case IntentDecided(intent_id=intent_id):
                    self.decided[intent_id] = effect
                case RiskDenied():
                    self.denied.append(effect)
                case RiskTripped():
                    self.tripped.append(effect)

    def before_send(self) -> None:
        """Nothing leaves this process."""

    def trades(self) -> list[PositionState]:
        """Closed positions, in the order they closed."""
        closed = [p for p in self.positions.values() if p.status is PositionStatus.CLOSED and p.closed_at is not None]
        return sorted(closed, key=lambda p: (p.closed_at, p.position_id))  # type: ignore[arg-type,return-value]
