"""Execution of one account: serial under its lease, from the intent queue and quotes to stored orders and fills."""

import logging
import time
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from accounts.clock import now
from accounts.exchanges.errors import ExchangeError
from accounts.models import ExchangeAccount
from signals.quotes import latest
from trading.domain.exits import due, touches
from trading.domain.risk.quote_age import QUOTE_MAX_AGE
from trading.domain.types import (
    CashMoved,
    ClockMark,
    Effect,
    Event,
    IntentTaken,
    Oddity,
    OrderStatus,
    Quote,
    QuoteSeen,
    RunStarted,
)
from trading.leases import Lease, LeaseBusy, lease_release, lease_take
from trading.runner import Runner
from trading.services.changes import changes_seen, plans_marked
from trading.services.claims import intents_claim, intents_waiting
from trading.store import Loaded, Saved, effects_save, state_load
from trading.store.listeners import tell
from trading.wiring import Ports, ports_for, start_balance

logger = logging.getLogger(__name__)
START_REFERENCE = "start"
STOP_AGE_S = 0.4  # how old what a run knows of stops may be when it decides an entry


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
    were given, so that the caller delivers them again. Raises LeaseLost when the lease ran out on the way, and
    ExchangeError as the broker does; what was committed before stays.
    """
    lease = lease_take(account_id=account_id)
    if lease is None:
        if events:
            raise LeaseBusy(f"Account {account_id} is being worked on; its events must come again.")
        return 0
    try:
        account = ExchangeAccount.objects.select_related("user").get(pk=account_id)
        return _Run(account, lease, at or now()).execute(quotes, events)
    finally:
        lease_release(lease)


class _Run:
    """One run of one account, and the journal of its runner."""

    def __init__(self, account: ExchangeAccount, lease: Lease, at: datetime) -> None:
        self.account, self.lease, self.at = account, lease, at
        self.events: list[Event] = []
        self.effects: list[Effect] = []
        self.told: list[Effect] = []
        self.seen: dict[str, Any] | None = None
        self.looked = time.monotonic()  # when bots and stops were looked at last
        self.handled = 0
        self.loaded: Loaded
        self.ports: Ports

    def execute(self, quotes: Sequence[Quote] | None, given: Sequence[Event]) -> int:
        """Load, see whether anything waits, decide, save, tell."""
        self.loaded = state_load(self.account, events=given)
        state = self.loaded.state
        state.peak_equity = self.lease.peak_equity
        waiting = intents_waiting(self.loaded)
        changed, seen = changes_seen(self.account, self.loaded, self.lease.seen, self.at)
        shown = self._quotes(quotes, {intent.symbol for intent in waiting.events(self.at)})
        waiting.unpriced_leave({quote.symbol for quote in shown}, self.at)
        unclear = any(o.status in (OrderStatus.PENDING, OrderStatus.UNKNOWN) for o in state.orders.values())
        first = self._start_cash()
        idle = not (waiting.rows or changed or given or first or unclear or due(state, self.at))
        if idle and not any(touches(state, quote) for quote in shown):
            return 0
        claimed = intents_claim(waiting, self.lease, self.at)
        self.seen = seen
        marks = [QuoteSeen(self.at, quote) for quote in shown]
        inputs = [*changed, *first, *given, *marks, *claimed, ClockMark(self.at)]
        self._feed(inputs)
        return self.handled

    def _quotes(self, given: Sequence[Quote] | None, wanted: set[str]) -> list[Quote]:
        """Quotes of the symbols in play: those with an open order or position, or an intent that waits.

        An old quote is none: no level is touched by it and no paper order fills at it.
        """
        state = self.loaded.state
        symbols = {o.symbol for o in state.orders.values()} | {p.symbol for p in state.positions.values()} | wanted
        if given is not None:
            return [quote for quote in given if quote.symbol in symbols]
        return self._fresh(sorted(symbols))

    def _fresh(self, symbols: Sequence[str]) -> list[Quote]:
        found = (latest(self.account.exchange, symbol) for symbol in symbols if symbol)
        rows = (row for row in found if row is not None and self.at - row.at <= QUOTE_MAX_AGE)
        return [Quote(r.symbol, r.bid, r.ask, r.bid_size, r.ask_size, r.at) for r in rows]

    def _start_cash(self) -> list[Event]:
        """What a paper account begins with, posted once, by its first run."""
        balance = start_balance(self.account) if self.lease.sequence == 0 else None
        if balance is None:
            return []
        return [CashMoved(self.at, self.account.quote_currency, Decimal(balance), START_REFERENCE)]

    def _feed(self, inputs: Sequence[Event]) -> None:
        """All inputs through the runner; what was decided is stored even when the exchange fails on the way."""
        state = self.loaded.state
        self.ports = ports_for(self.account, state)
        runner = Runner(state, self.ports.broker, self)
        try:
            runner.feed(RunStarted(self.at))
            for quote in self._fresh([self.ports.fee_pair]):  # fills that come first are valued by it
                runner.feed(QuoteSeen(self.at, quote))
            runner.recover()
            for event in inputs:
                self._stops_heed(runner, event)
                runner.feed(event)
        except ExchangeError:
            self._flush()
            raise
        finally:
            self._tell()
        self._flush()
        self._tell()

    def _stops_heed(self, runner: Runner, event: Event) -> None:
        """A run may take seconds, an order each: before each entry it looks for stops that came meanwhile."""
        if not isinstance(event, IntentTaken) or not event.purpose.is_entry or not self.ports.commits_first:
            return
        if time.monotonic() - self.looked > STOP_AGE_S:
            changed, marks = changes_seen(self.account, self.loaded, self.seen or self.lease.seen, self.at)
            self.seen, self.looked = marks or self.seen, time.monotonic()
            for change in changed:
                runner.feed(change)

    def note(self, event: Event, effects: list[Effect], *, answer: bool) -> None:
        """Keep an input (or an answer that a replay could not work out) and its effects for the next save."""
        if not answer or self.ports.records_answers:
            self.events.append(event)
        self.handled += 1
        self.effects += effects
        for effect in effects:
            if isinstance(effect, Oddity):
                logger.warning("account %s: %s", self.account.pk, effect.text)

    def before_send(self) -> None:
        """Orders that leave this process are committed first."""
        if self.ports.commits_first:
            self._flush()

    def _flush(self) -> None:
        if not self.events and not self.effects:
            return
        events, effects, self.events, self.effects = self.events, self.effects, [], []
        seen = {**(self.seen or self.lease.seen), "plans": plans_marked(self.loaded.state)}
        effects_save(
            account=self.account,
            lease=self.lease,
            loaded=self.loaded,
            events=events,
            effects=effects,
            seen=seen if seen != self.lease.seen else None,
        )
        self.told += effects

    def _tell(self) -> None:
        effects, self.told = self.told, []
        if effects:
            tell(Saved(self.account.pk, self.account.user_id, tuple(effects)))
