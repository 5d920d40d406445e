"""Execution of one account: serial under its lease, from the intent queue and quotes to stored orders and fills."""

from collections.abc import Sequence
from datetime import datetime

from trading.domain.types import Event, Quote


def account_execute(
    *,
    account_id: int,
    quotes: Sequence[Quote] | None = None,
    at: datetime | None = None,
    events: Sequence[Event] = (),
) -> int:
    """Do all that waits for one account and return how many inputs were handled.

    `account_id` is the row's integer id. `quotes` are what the market shows (else `signals.quotes.latest` of the
    symbols in play), `at` the moment (else the clock), `events` answers of an exchange that came outside of a request
    (`OrderAnswered`, `FillSeen`, `CashMoved`).
    Returns 0 when another process holds the account's lease; raises `trading.leases.LeaseBusy` instead when `events`
    were given, so that the caller delivers them again.
    """
    raise NotImplementedError
