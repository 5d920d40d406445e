"""What became of a stop: per account, which orders were cancelled, which positions closed, what is left and why.

Nothing is kept for it: orders and positions say by themselves what happened to them and when, so the report fills as it
happens and cannot differ from the books.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from accounts.clock import now
from accounts.models import ExchangeAccount, User
from trading.models import Bot, Order, Position, StopSwitch

Level, Scope = StopSwitch.Level, StopSwitch.Scope
WINDOW = timedelta(days=1)  # what ends later than this after a stop was set is no work of its own
MOST = 500  # rows of a kind
GRACE = timedelta(seconds=1)  # nothing new is sent later than this after a stop was committed
OPEN_ORDER = (Order.Status.PENDING, Order.Status.UNKNOWN, Order.Status.ACTIVE)
OPEN_POSITION = (Position.Status.OPENING, Position.Status.OPEN, Position.Status.CLOSING)


@dataclass(frozen=True, slots=True)
class Line:
    """One order or position: what it is, what became of it, and after how many seconds (None: not over)."""

    what: str
    outcome: str
    seconds: float | None
    row: Any


@dataclass(slots=True)
class AccountReport:
    """One account's share. `late` are entries that were made more than a second after the stop: there must be none."""

    account: ExchangeAccount
    cancelled: list[Line] = field(default_factory=list)
    closed: list[Line] = field(default_factory=list)
    left: list[Line] = field(default_factory=list)
    late: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StopReport:
    """A stop's report; `done` when nothing waits that its level is to end."""

    switch: StopSwitch
    accounts: list[AccountReport]
    done: bool
    seconds: float | None

    @property
    def totals(self) -> dict[str, int]:
        """How many of each kind, over all accounts."""
        kinds = ("cancelled", "closed", "left", "late")
        return {kind: sum(len(getattr(one, kind)) for one in self.accounts) for kind in kinds}


def stop_bots(scope: str, target: str) -> QuerySet[Bot]:
    """Bots that a stop of this scope and target concerns; deleted ones too, which may still hold something."""
    wanted = {
        Scope.PLATFORM: Q(),
        Scope.EXCHANGE: Q(account__exchange=target),
        Scope.STRATEGY: Q(config__strategy__public_id=target or None),
        Scope.USER: Q(user__public_id=target or None),
        Scope.ACCOUNT: Q(account__public_id=target or None),
        Scope.BOT: Q(public_id=target or None),
    }[Scope(scope)]
    return Bot.objects.filter(wanted)


def stop_report(switch: StopSwitch, user: User | None = None) -> StopReport:
    """The report of a stop, of one user's accounts only when a user is given. Three queries."""
    bots = stop_bots(switch.scope, switch.target)
    bots = bots.filter(user=user) if user is not None else bots
    until = min(switch.cleared_at or now(), switch.set_at + WINDOW)
    found: dict[int, AccountReport] = {}
    waits: list[Line] = []
    for order in _orders(bots, switch, until):
        _order_enter(_report(found, order.account), order, switch, until, waits)
    for position in _positions(bots, switch, until):
        _position_enter(_report(found, position.account), position, switch, until, waits)
    accounts = sorted(found.values(), key=lambda one: (one.account.user_id, one.account.pk))
    ended = [line.seconds for one in accounts for line in (*one.cancelled, *one.closed) if line.seconds is not None]
    return StopReport(switch, accounts, not waits, max(ended, default=None) if not waits else None)


def _report(found: dict[int, AccountReport], account: ExchangeAccount) -> AccountReport:
    return found.setdefault(account.pk, AccountReport(account))


def _orders(bots: QuerySet[Bot], switch: StopSwitch, until: datetime) -> list[Order]:
    """Entries that were at work when the stop came, or were made since."""
    there = Q(closed_at=None) | Q(closed_at__gte=switch.set_at)
    rows = Order.objects.filter(there, bot__in=bots, side="buy", created_at__lte=until)
    return list(rows.select_related("account", "bot", "instrument").order_by("id")[:MOST])


def _positions(bots: QuerySet[Bot], switch: StopSwitch, until: datetime) -> list[Position]:
    held = Q(status__in=OPEN_POSITION) | Q(status=Position.Status.CLOSED, closed_at__gte=switch.set_at)
    rows = Position.objects.filter(held, bot__in=bots, opened_at__lte=until).exclude(bought=0)
    return list(rows.select_related("account", "bot", "instrument").order_by("id")[:MOST])


def _order_enter(report: AccountReport, order: Order, switch: StopSwitch, until: datetime, waits: list[Line]) -> None:
    ended = order.closed_at if order.closed_at and order.closed_at <= until else None
    line = Line(_named(order), _order_words(order, ended), _after(switch, ended), order)
    if order.created_at > switch.set_at + GRACE and order.submitted_at is not None:
        report.late.append(line)
    elif ended is not None:
        report.cancelled.append(line)
    else:
        report.left.append(line)
        waits.append(line)


def _order_words(order: Order, ended: datetime | None) -> str:
    if ended is None:
        asked = order.cancel_requested_at
        return f"cancel asked at {asked:%H:%M:%S}, not confirmed yet" if asked else "its cancel is not asked for yet"
    kind = {"cancelled": "cancelled", "filled": "was filled first", "rejected": "never left or was refused"}
    return kind.get(order.status, str(order.get_status_display()).lower())


def _position_enter(
    report: AccountReport, position: Position, switch: StopSwitch, until: datetime, waits: list[Line]
) -> None:
    ended = position.closed_at if position.closed_at and position.closed_at <= until else None
    if ended is not None:
        why = position.close_reason.replace("_", " ") or "closed"
        outcome = f"closed ({why}), result {position.realised_pnl:+.2f} {position.instrument.quote}"
        report.closed.append(Line(_named(position), outcome, _after(switch, ended), position))
        return
    line = Line(_named(position), _why_left(position, switch), None, position)
    report.left.append(line)
    if switch.level >= Level.FLATTEN and switch.cleared_at is None:
        waits.append(line)


def _why_left(position: Position, switch: StopSwitch) -> str:
    if switch.level < Level.FLATTEN:
        return "kept: this level sells nothing; its stop, target and holding time go on"
    if position.exit_intent_id is None:
        return "its sale has not begun"
    if position.retry_at is not None:
        return f"tried {position.exits_tried} times; again from {position.retry_at:%H:%M:%S}"
    return "its sale is at work"


def _named(row: Any) -> str:
    return f"{row.instrument.symbol}, {row.bot.name}"


def _after(switch: StopSwitch, at: datetime | None) -> float | None:
    return None if at is None else round(max((at - switch.set_at).total_seconds(), 0.0), 1)
