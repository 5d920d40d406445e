"""Whose data a page shows: the user's accounts, and the one that is shown now (kept in the session)."""

from datetime import datetime
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest

from accounts.clock import now
from accounts.models import ExchangeAccount, User
from signals.models import ExchangeState
from trading.models import BalanceSnapshot

SESSION_KEY = "shown_account"


def day_start(moment: datetime | None = None) -> datetime:
    """Midnight UTC of a moment: where 'today' begins for risk and statistics."""
    return (moment or now()).replace(hour=0, minute=0, second=0, microsecond=0)


def user_of(request: HttpRequest) -> User:
    """The logged-in user (views of this package require one)."""
    assert isinstance(request.user, User)  # for the type checker; login_required holds it
    return request.user


def accounts_of(request: HttpRequest) -> list[ExchangeAccount]:
    """The user's accounts that were not removed, with their newest value, read once per request."""
    if not hasattr(request, "_accounts"):
        request._accounts = list(_with_values(user_of(request)))  # type: ignore[attr-defined]
    return request._accounts  # type: ignore[attr-defined, no-any-return]


def account_shown(request: HttpRequest) -> ExchangeAccount | None:
    """The account chosen in the bar, else the first; None without any."""
    accounts = accounts_of(request)
    wanted = request.session.get(SESSION_KEY)
    return next((row for row in accounts if str(row.public_id) == wanted), accounts[0] if accounts else None)


def _with_values(user: User) -> "QuerySet[ExchangeAccount, Any]":
    snapshots = BalanceSnapshot.objects.filter(account=OuterRef("pk")).order_by("-at", "-id")
    before = snapshots.filter(at__lt=day_start())
    state = ExchangeState.objects.filter(exchange=OuterRef("exchange"))
    return (
        ExchangeAccount.objects.filter(user=user)
        .exclude(status=ExchangeAccount.Status.REMOVED)
        .annotate(
            equity_now=Subquery(snapshots.values("equity")[:1]),
            deposits_now=Subquery(snapshots.values("net_deposits")[:1]),
            in_positions_now=Subquery(snapshots.values("in_positions")[:1]),
            equity_before=Subquery(before.values("equity")[:1]),
            deposits_before=Subquery(before.values("net_deposits")[:1]),
            exchange_connection=Subquery(state.values("connection")[:1]),
            exchange_event_at=Subquery(state.values("last_event_at")[:1]),
        )
        .order_by("pk")
    )
