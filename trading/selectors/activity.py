"""The newest of everything: orders, fills, signals, notices; one or two queries each."""

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
    rows = Signal.objects.select_related("instrument", "strategy")
    if account is not None:
        rows = rows.filter(instrument__exchange=account.exchange)
    return list(rows[:limit])


def notices_newest(user: User, limit: int) -> tuple[list[Notice], int]:
    """The user's newest notices, and how many unread ones ask for something to be done."""
    rows = Notice.objects.filter(user=user)
    return list(rows[:limit]), rows.filter(read_at=None, level__in=["bad", "warn"]).count()
