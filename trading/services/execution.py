"""Execution of one account: its turn (`trading.turn`) with the ports of its mode."""

from collections.abc import Sequence
from datetime import datetime

from accounts.models import ExchangeAccount
from trading.domain.types import Event, Quote
from trading.turn.ports import LeaseBusy
from trading.turn.turn import account_turn
from trading.wiring import ports_for


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
    Returns 0 when another process holds the account's lease; raises `LeaseBusy` instead when `events` were given, so
    that the caller delivers them again. Raises LeaseLost when the lease ran out on the way, and ExchangeError as the
    exchange answers; what was committed before stays.
    """
    account = ExchangeAccount.objects.select_related("user").get(pk=account_id)
    try:
        return account_turn(ports_for(account), quotes=quotes, at=at, events=events)
    except LeaseBusy:
        if events:
            raise
        return 0
