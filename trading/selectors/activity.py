"""The newest of everything: orders, fills, signals, notices; one or two queries each."""

from collections.abc import Iterable

from django.db.models import F, QuerySet

from accounts.models import ExchangeAccount, Notice, User
from signals.models import Signal
from trading.models import Fill, Order


def orders_newest(account: ExchangeAccount | None, limit: int) -> list[Order]:
    """Orders of one account, newest first, with what a row shows."""
    return list(Order.objects.filter(account=account).select_related("instrument", "bot", "intent")[:limit])


def fills_newest(account: ExchangeAccount | None, limit: int) -> list[Fill]:
    """Fills of one account, newest first, with what a row shows."""
    rows = Fill.objects.filter(account=account).select_related("instrument", "order__bot", "order__position")
    return list(rows[:limit])


def signals_newest(account: ExchangeAccount | None, limit: int) -> list[Signal]:
    """Signals of the account's exchange (of all without one), newest first."""
    return list(signals_of([account.exchange] if account else [])[:limit])


def signals_of(exchanges: Iterable[str]) -> QuerySet[Signal]:
    """Signals of these exchanges (of all without one), newest first.

    Each carries `served_from`: when the model that made it began to serve, None if it never did (or made it not).
    Pages write what a model said before that as said in the shadow.
    """
    rows = Signal.objects.select_related("instrument", "strategy")
    rows = rows.annotate(served_from=F("strategy__modelversion__promoted_at"))
    wanted = set(exchanges)
    return rows.filter(instrument__exchange__in=wanted) if wanted else rows


def orders_of(user: User, status: str = "") -> QuerySet[Order]:
    """Orders of all of the user's bots, newest first, with what a row shows."""
    rows = Order.objects.filter(bot__user=user).select_related("instrument", "bot", "intent", "position")
    return rows.filter(status=status) if status else rows


def notices_newest(user: User, limit: int) -> tuple[list[Notice], int]:
    """The user's newest notices, and how many unread ones ask for something to be done."""
    rows = Notice.objects.filter(user=user)
    return list(rows[:limit]), rows.filter(read_at=None, level__in=["bad", "warn"]).count()
