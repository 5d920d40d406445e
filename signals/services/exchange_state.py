"""What is known of an exchange: its connection, its last event and its last error, for the pages and the admin."""

from datetime import datetime

from django.db.models import F

from accounts.clock import now
from signals.models import ExchangeState

LIVE, STALE, DOWN = "live", "stale", "down"


def exchange_state_get(*, exchange: str) -> ExchangeState:
    """The row of an exchange, made when it is missing."""
    return ExchangeState.objects.get_or_create(exchange=exchange)[0]


def exchange_alive(*, exchange: str, connection: str, last_event_at: datetime | None) -> None:
    """The streams are connected: `live`, or `stale` when nothing has come for a while."""
    fields = {"connection": connection, "consecutive_errors": 0}
    if last_event_at is not None:
        fields["last_event_at"] = last_event_at
    ExchangeState.objects.filter(exchange=exchange).update(**fields)


def exchange_failed(*, exchange: str, error: str) -> None:
    """The exchange could not be reached or its connection broke; `error` is one line in words."""
    exchange_state_get(exchange=exchange)
    ExchangeState.objects.filter(exchange=exchange).update(
        connection=DOWN, consecutive_errors=F("consecutive_errors") + 1, last_error=error[:400], last_error_at=now()
    )


def exchange_left(*, exchange: str) -> None:
    """The streams were stopped on purpose: nothing live comes in any more."""
    ExchangeState.objects.filter(exchange=exchange).update(connection=DOWN)
