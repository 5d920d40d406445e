"""What a risk rule sees and what it answers."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading.domain.sizing import Sized
from trading.domain.types import BotState, InstrumentSpec, IntentTaken, Quote


@dataclass(frozen=True, slots=True)
class RiskView:
    """A snapshot of everything an entry is judged by. Amounts in the account's quote currency."""

    at: datetime
    intent: IntentTaken
    bot: BotState
    spec: InstrumentSpec
    quote: Quote
    sized: Sized
    free: Decimal
    equity: Decimal
    peak_equity: Decimal
    bot_positions: int
    has_position: bool


@dataclass(frozen=True, slots=True)
class Denial:
    """Why not: the rule, a sentence with its numbers, and the numbers by name."""

    rule: str
    reason: str
    facts: tuple[tuple[str, str], ...] = ()


def denial(rule: str, reason: str, **facts: object) -> Denial:
    """A denial whose facts are kept as text."""
    return Denial(rule, reason, tuple((name, str(value)) for name, value in facts.items()))
