"""The order of a turn, under the account's lease."""

from collections.abc import Sequence
from datetime import datetime

from accounts.clock import now
from trading.domain.types import Event, Quote
from trading.turn.catch_up import orders_catch_up
from trading.turn.check import Check, check_due, closed_since
from trading.turn.execution import Execution
from trading.turn.ports import Lease, LeaseBusy, Ports


def account_turn(
    ports: Ports, *, quotes: Sequence[Quote] | None = None, at: datetime | None = None, events: Sequence[Event] = ()
) -> int:
    """Do all that waits for one account; returns how many inputs were handled.

    `quotes` are what the market shows (else the newest known), `at` the moment (else the clock), `events` what an
    exchange told outside of a request.

    Raises:
        LeaseBusy: another process holds the account's lease; the turn must be repeated.
        LeaseLost: the lease ran out on the way; what was committed before stays.
        ExchangeError: as the exchange answers; nothing is traded when it cannot be asked.

    """
    lease = ports.store.lease_take()
    if lease is None:
        raise LeaseBusy("Somebody works on this account; its turn must come again.")
    try:
        return _Turn(ports, lease, at or now()).run(quotes, events)
    finally:
        ports.store.lease_release(lease)


class _Turn:
    def __init__(self, ports: Ports, lease: Lease, at: datetime) -> None:
        self.ports, self.lease, self.at = ports, lease, at

    def run(self, quotes: Sequence[Quote] | None, events: Sequence[Event]) -> int:
        ports = self.ports
        loaded = ports.store.load(events)
        if ports.exchange is None:
            return Execution(ports, self.lease, loaded, self.at).execute(quotes, events)
        if not check_due(ports, loaded):
            told = orders_catch_up(ports, loaded.state)
            return Execution(ports, self.lease, loaded, self.at).execute(quotes, [*events, *told])
        loaded = ports.store.load(events, closed_since=closed_since(loaded, self.at))
        check = Check(ports, ports.exchange, loaded, self.at)
        handled = Execution(ports, self.lease, loaded, self.at).execute(quotes, events, check)
        if check.done:
            ports.store.check_save(check.result())
        return handled
