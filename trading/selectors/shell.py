"""The small numbers of the bar and the navigation, and the stops that touch all of a user's bots."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import ExchangeAccount, Notice, User
from signals.models import ExchangeState
from trading.models import Bot, Order, Position, StopSwitch
from trading.selectors.positions import OPEN

OPEN_ORDER = (Order.Status.PENDING, Order.Status.UNKNOWN, Order.Status.ACTIVE)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many there are of one user's."""

    bots_total: int
    bots_running: int
    positions_open: int
    entries_open: int
    unread: int


def counts_read(user: User) -> Counts:
    """All of them with one query."""
    bots = Bot.objects.filter(user=OuterRef("pk"), deleted_at=None)
    positions = Position.objects.filter(bot__user=OuterRef("pk"), status__in=OPEN)
    entries = Order.objects.filter(bot__user=OuterRef("pk"), status__in=OPEN_ORDER, side="buy")
    row = User.objects.filter(pk=user.pk).values_list(
        _count(bots, "user"),
        _count(bots.filter(status=Bot.Status.RUNNING), "user"),
        _count(positions, "bot__user"),
        _count(entries, "bot__user"),
        _count(Notice.objects.filter(user=OuterRef("pk"), read_at=None), "user"),
    )[0]
    return Counts(*row)


def market_state() -> ExchangeState | None:
    """The exchange whose market a user without an account sees: the first that is scanned."""
    return ExchangeState.objects.filter(exchange__in=settings.XRAY_MARKET_EXCHANGES[:1]).first()


def stops_over(user: User, accounts: Iterable[ExchangeAccount]) -> list[StopSwitch]:
    """Stops in force on the platform, the exchanges of these accounts, the accounts or the user, newest first."""
    rows = list(accounts)
    own = [str(user.public_id)] + [str(row.public_id) for row in rows]
    scope = StopSwitch.Scope
    return list(
        StopSwitch.objects.filter(cleared_at=None).filter(
            Q(scope=scope.PLATFORM)
            | Q(scope__in=[scope.USER, scope.ACCOUNT], target__in=own)
            | Q(scope=scope.EXCHANGE, target__in=[row.exchange for row in rows])
        )
    )


def _count(rows: "QuerySet[Any]", group: str) -> Coalesce:
    """Number of rows of a correlated query, as one column of the outer one."""
    counted = rows.order_by().values(group).annotate(counted=Count("pk")).values("counted")
    return Coalesce(Subquery(counted), 0)
