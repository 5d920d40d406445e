"""The order of a turn, under the account's lease."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from accounts.clock import now
from trading.domain.money import exact
from trading.domain.types import ZERO, AccountState, CashMoved, Event, OrderStatus, Quote
from trading.turn.catch_up import LATE, late_fills, orders_catch_up, orders_look
from trading.turn.execution import Execution
from trading.turn.ports import Exchange, Lease, LeaseBusy, Loaded, Ports


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
        return self._checked(ports.exchange, quotes, events)

    def _checked(self, exchange: Exchange, quotes: Sequence[Quote] | None, events: Sequence[Event]) -> int:
        """With a check before anything is traded; an exchange that cannot be asked ends the turn here."""
        ports, asked_at = self.ports, now()
        loaded = ports.store.load(events, closed_since=self.at - LATE)
        state = loaded.state
        told = orders_look(ports, state, [o for o in state.orders.values() if o.status is OrderStatus.ACTIVE])
        told += late_fills(exchange, state)
        totals = exchange.balances()
        if self.lease.sequence == 0 and not state.orders:  # its ledger begins with what the exchange has
            told += [CashMoved(now(), name, total, f"start:{name}") for name, total in sorted(totals.items())]
        run = Execution(ports, self.lease, loaded, self.at)
        handled = run.execute(quotes, [*events, *told])
        if not run.filled:
            ports.store.check_save(totals, differences(state, totals), asked_at)
        return handled


def check_due(ports: Ports, loaded: Loaded) -> bool:
    """Whether an account is compared with its exchange before it trades: once after a start, and when it is wanted.

    An account with nothing to do is not asked about, unless its ledger has not begun.
    """
    state, facts = loaded.state, loaded.facts
    in_play = bool(loaded.intents or state.orders or state.positions)
    if not in_play and facts.checked_at is not None:
        return False
    wanted = [moment for moment in (ports.started_at, facts.check_wanted_at) if moment is not None]
    return facts.checked_at is None or any(moment > facts.checked_at for moment in wanted)


@exact
def differences(state: AccountState, totals: dict[str, Decimal]) -> dict[str, Decimal]:
    """What the exchange has more than our ledger, per currency; nothing while an order is open, which may fill."""
    if state.orders:
        return {}
    names = sorted(totals.keys() | state.balances.keys())
    found = {name: totals.get(name, ZERO) - state.balances.get(name, ZERO) for name in names}
    return {name: amount for name, amount in found.items() if amount}
