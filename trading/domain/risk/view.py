"""What a risk rule sees and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from trading.domain.limits import AccountLimits
from trading.domain.riskbook import Closing
from trading.domain.sizing import Sized
from trading.domain.types import BotState, InstrumentSpec, IntentTaken, Quote

TODAY = " It holds until 00:00 UTC, whatever the limit is now: only Count anew (limits of the account) ends it sooner."


@dataclass(frozen=True, slots=True)
class Watch:
    """A snapshot of one bot and its account, for running rules. Amounts in the account's quote currency.

    `bot_day` and `account_day` are results of the UTC day, realised and not, after fees; `unseen` is for how long the
    held symbol that is the longest without a price has shown none.
    """

    at: datetime
    bot: BotState
    limits: AccountLimits
    equity: Decimal
    peak_equity: Decimal
    day_equity: Decimal
    bot_day: Decimal
    account_day: Decimal
    unseen: timedelta = timedelta(0)
    unseen_symbol: str = ""


@dataclass(frozen=True, slots=True)
class RiskView:
    """A snapshot of everything an entry is judged by. Amounts in the account's quote currency.

    `coin_held` and `group_held` are what all bots of the account hold or are buying; `holding` are the running rules
    in force for the bot, with their reasons; orders are those of the last minute.
    """

    at: datetime
    intent: IntentTaken
    bot: BotState
    spec: InstrumentSpec
    quote: Quote
    sized: Sized
    free: Decimal
    bot_positions: int
    has_position: bool
    watch: Watch
    coin_held: Decimal
    group_held: Decimal
    holding: Mapping[str, str]
    last_closing: Closing | None
    bot_orders: int
    account_orders: int

    @property
    def equity(self) -> Decimal:
        """What the account is worth."""
        return self.watch.equity

    @property
    def limits(self) -> AccountLimits:
        """Those of the account and the platform."""
        return self.watch.limits

    def held_by(self, rule: str, more: str = "") -> "Denial | None":
        """The refusal while a running rule is in force; `more` is said beside its reason."""
        reason = self.holding.get(rule)
        return None if reason is None else denial(rule, f"{reason}{more}")


@dataclass(frozen=True, slots=True)
class Denial:
    """Why not: the rule, a sentence with its numbers, and the numbers by name."""

    rule: str
    reason: str
    facts: tuple[tuple[str, str], ...] = ()


def denial(rule: str, reason: str, **facts: object) -> Denial:
    """A denial whose facts are kept as text."""
    return Denial(rule, reason, tuple((name, str(value)) for name, value in facts.items()))


def percent(fraction: Decimal, places: int = 2) -> str:
    """A fraction as people read it: 0.0125 is `1.25 %`."""
    number = format(round(fraction * 100, places), "f")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} %"
