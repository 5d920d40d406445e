"""Whose data a page shows: the user's accounts, and the one that is shown now (kept in the session)."""

from django.http import HttpRequest

from accounts.models import ExchangeAccount, User
from trading.selectors.accounts import accounts_read

SESSION_KEY = "shown_account"


def user_of(request: HttpRequest) -> User:
    """The logged-in user (views of this package require one)."""
    assert isinstance(request.user, User)  # for the type checker; login_required holds it
    return request.user


def accounts_of(request: HttpRequest) -> list[ExchangeAccount]:
    """The user's accounts that were not removed, with their newest value, read once per request."""
    if not hasattr(request, "_accounts"):
        request._accounts = accounts_read(user_of(request))  # type: ignore[attr-defined]
    return request._accounts  # type: ignore[attr-defined, no-any-return]


def account_shown(request: HttpRequest) -> ExchangeAccount | None:
    """The account chosen in the bar, else the first; None without any."""
    accounts = accounts_of(request)
    wanted = request.session.get(SESSION_KEY)
    return next((row for row in accounts if str(row.public_id) == wanted), accounts[0] if accounts else None)
