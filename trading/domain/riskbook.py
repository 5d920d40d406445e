"""What risk rules remember of an account from event to event: a function of the recorded events, nothing else."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID


@dataclass(slots=True)
class Trip:
    """A running rule in force: how far it stops (a rung of the ladder), and until when (None: until it is over)."""

    level: int
    since: datetime
    until: datetime | None = None
    reason: str = ""


@dataclass(slots=True)
class Closing:
    """When a bot's last trade of a symbol closed, and whether a stop loss closed it."""

    at: datetime
    stopped: bool


@dataclass(slots=True)
class Placed:
    """An order that was placed, for rates."""

    at: datetime
    bot_id: UUID


@dataclass(slots=True)
class RiskBook:
    """Results of the UTC day, streaks, and the running rules in force.

    A position's result is proceeds - cost - cash fees + what is held at the bid. `base` has each open position's result
    as the day began (0 for one opened since): a bot's day is what it `booked` plus what its open positions moved.
    """

    day: date | None = None
    day_equity: Decimal = Decimal(0)
    counted_from: datetime | None = None
    base: dict[UUID, Decimal] = field(default_factory=dict)
    booked: dict[UUID, Decimal] = field(default_factory=dict)  # by bot
    recent: dict[UUID, Decimal] = field(default_factory=dict)  # results of the last closings: fills may still come
    streaks: dict[UUID, int] = field(default_factory=dict)  # losing trades in a row, by bot
    trips: dict[str, Trip] = field(default_factory=dict)  # see `trip_key`
    closings: dict[str, Closing] = field(default_factory=dict)  # see `trip_key`, with a symbol
    placed: list[Placed] = field(default_factory=list)  # of the last minute
    slips: dict[UUID, list[Decimal]] = field(default_factory=dict)  # of the last fills at market, by bot
    unseen: dict[str, datetime] = field(default_factory=dict)  # since when a held symbol shows no price


def trip_key(bot_id: UUID | None, name: str) -> str:
    """The key of a bot's (None: the account's) rule or symbol."""
    return f"{bot_id or ''}|{name}"


def in_force(trip: Trip, at: datetime) -> bool:
    """Whether a running rule still holds."""
    return trip.until is None or at < trip.until
