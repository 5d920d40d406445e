"""The part of a turn that decides: from the intent queue and quotes, through the runner, to stored orders and fills."""

import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from accounts.clock import now
from accounts.exchanges.errors import ExchangeError, ExchangeRefused
from trading.domain.entries import cost_wanted
from trading.domain.exits import touches
from trading.domain.records import value_from
from trading.domain.risk.quote_age import QUOTE_MAX_AGE
from trading.domain.riskbook import RiskBook
from trading.domain.running import due
from trading.domain.types import (
    CashMoved,
    ClockMark,
    Effect,
    Event,
    IntentTaken,
    Oddity,
    OrderState,
    OrderStatus,
    Quote,
    QuoteSeen,
    RunStarted,
    StopLevel,
)
from trading.runner import Runner
from trading.turn.changes import Change, Marks, changes_seen, plans_marked
from trading.turn.check import Check
from trading.turn.claims import Waiting, intents_waiting
from trading.turn.ports import Lease, Leaving, Loaded, Ports

logger = logging.getLogger(__name__)
START_REFERENCE = "start"
STOP_AGE = timedelta(seconds=0.4)  # how old what a run knows of stops may be when it decides an entry
ENTRY_AGE = timedelta(seconds=15)  # an entry that could not leave so long after its decision is given up
LEASE_AGE = timedelta(seconds=10)  # an order leaves only under a lease that was proved so recently


class Execution:
    """One run of one account under its lease, and the journal of its runner."""

    def __init__(self, ports: Ports, lease: Lease, loaded: Loaded, at: datetime) -> None:
        self.ports, self.lease, self.loaded, self.at = ports, lease, loaded, at
        self.state = loaded.state
        self.state.peak_equity = lease.peak_equity
        self.state.risk = value_from(RiskBook, lease.risk)
        self.events: list[Event] = []
        self.effects: list[Effect] = []
        self.told: list[Effect] = []
        self.seen: dict[str, Any] | None = None
        self.bots = self.decided_by = loaded.bots  # as last looked at; as the engine knows them
        self.looked = loaded.at  # when bots were looked at last
        self.handled = 0
        self._asking = threading.Lock()

    def execute(self, quotes: Sequence[Quote] | None, given: Sequence[Event], check: Check | None = None) -> int:
        """See whether anything waits; decide, save, tell. Returns the number of inputs handled.

        `quotes` are what the market shows (else the newest known of the symbols in play), `given` what the exchange
        told outside of a request, `check` a comparison with the exchange that must come before any entry.
        Raises LeaseLost, and ExchangeError as the exchange answers; what was committed stays.
        """
        waiting = intents_waiting(self.loaded)
        changed, seen = changes_seen(self.state, self.loaded.bots, self.loaded.limits, self.lease.seen, self.at)
        shown = self._quotes(quotes, waiting.symbols)
        waiting.unpriced_leave({quote.symbol for quote in shown}, self.at)
        first = self._start_cash()
        self.state.quotes = {quote.symbol: quote for quote in shown}  # what a mark would be judged by
        wanted = waiting.rows or changed or given or first or check or self._unclear() or due(self.state, self.at)
        if not wanted and not any(touches(self.state, quote) for quote in shown):
            return 0
        broker = self.ports.broker(self.state, Leaving(self.leaving, self.leaving_known))
        runner = Runner(self.state, broker, self, self.ports.together)
        try:
            self._catch_up(runner, changed, seen, [*first, *given])
            if check is not None and not check.run(runner):
                waiting.entries_leave()
            self._decide(runner, waiting, shown)
        except ExchangeError:
            self._flush()
            raise
        finally:
            self._tell()
        self._flush()
        self._tell()
        return self.handled

    def _catch_up(self, runner: Runner, changed: Sequence[Change], seen: Marks | None, told: Sequence[Event]) -> None:
        """What happened so far. Changes come before anything that is decided by them: a replay has them there, too."""
        runner.feed(RunStarted(self.at))
        self._changes(runner, changed, seen)
        for quote in self._fresh([self.ports.fee_pair]):  # fills that come first are valued by it
            runner.feed(QuoteSeen(self.at, quote))
        runner.recover()
        for event in told:
            runner.feed(event)

    def _decide(self, runner: Runner, waiting: Waiting, shown: Sequence[Quote]) -> None:
        """What the market shows, then what waits in the queue, then what time has made due."""
        self._feed(runner, (QuoteSeen(self.at, quote) for quote in shown))
        claimed = waiting.claim(self.ports.store, self.lease, self.at)
        entries = [intent for intent in claimed if intent.purpose.is_entry]
        self._feed(runner, (intent for intent in claimed if not intent.purpose.is_entry))
        if entries:
            self._stops_heed(runner)
        self._feed(runner, (self._capacity_taken(intent) for intent in entries))
        runner.feed(ClockMark(self.at))

    def _feed(self, runner: Runner, events: Iterable[Event]) -> None:
        """Where orders leave this process, those of one kind of input leave together."""
        if self.ports.leaves:
            runner.feed_all(events)
            return
        for event in events:
            runner.feed(event)

    def _unclear(self) -> bool:
        return any(o.status in (OrderStatus.PENDING, OrderStatus.UNKNOWN) for o in self.state.orders.values())

    def _quotes(self, given: Sequence[Quote] | None, wanted: set[str]) -> list[Quote]:
        """Quotes of the symbols in play: those with an open order or position, or an intent that waits.

        An old quote is none: no level is touched by it and no paper order fills at it.
        """
        held = {o.symbol for o in self.state.orders.values()} | {p.symbol for p in self.state.positions.values()}
        symbols = held | wanted
        if given is not None:
            return [quote for quote in given if quote.symbol in symbols]
        return self._fresh(sorted(symbols))

    def _fresh(self, symbols: Sequence[str]) -> list[Quote]:
        found = self.ports.quotes([symbol for symbol in symbols if symbol])
        return [quote for quote in found if self.at - quote.at <= QUOTE_MAX_AGE]

    def _start_cash(self) -> list[Event]:
        """What an account begins with whose balance nobody else knows, posted once, by its first run."""
        balance = self.ports.start_balance if self.lease.sequence == 0 else None
        if balance is None:
            return []
        return [CashMoved(self.at, self.state.quote_currency, balance, START_REFERENCE)]

    def _stops_heed(self, runner: Runner) -> None:
        """A run may have taken seconds for its exits: before its entries it looks for stops that came meanwhile."""
        if not self.ports.leaves:
            return
        self._bots_look()
        if self.bots is not self.decided_by:
            changed, marks = changes_seen(
                self.state, self.bots, self.loaded.limits, self.seen or self.lease.seen, self.at
            )
            self.decided_by = self.bots
            self._changes(runner, changed, marks)

    def _changes(self, runner: Runner, changed: Sequence[Change], marks: Marks | None) -> None:
        """Each counts as seen with the commit that holds it: a run killed in the middle loses none, repeats none."""
        for change in changed:
            self.seen = change.marked(self.seen or self.lease.seen)
            runner.feed(change.event)
        self.seen = marks or self.seen

    def _bots_look(self) -> None:
        """Bots and stops as committed now, unless that was looked at a moment ago."""
        if _older(self.looked, STOP_AGE):
            moment = now()
            self.bots = self.ports.store.bots()
            self.looked = moment  # last: `leaving_known` is asked in another thread

    def _capacity_taken(self, intent: IntentTaken) -> IntentTaken:
        """An entry that no other rule refuses takes of what all bots may take of the pair; it is recorded with it."""
        cost = cost_wanted(self.state, intent)
        if cost is None:
            return intent
        return replace(intent, capacity=self.ports.store.capacity_take(intent.intent_id, intent.symbol, cost))

    def leaving(self, order: OrderState) -> None:
        """Right before an order leaves, which may be long after it was committed: is the lease still ours?

        An entry is also held back by a stop that came meanwhile, and when it is late; exits never are.
        Several orders may ask at once. Raises LeaseLost, ExchangeRefused.
        """
        with self._asking:
            if _older(self.lease.proved_at, LEASE_AGE):
                self.ports.store.lease_renew(self.lease)
            if order.purpose.is_entry:
                self._bots_look()
        self._hold_back(order)

    def leaving_known(self, order: OrderState) -> bool:
        """The same by what was read a moment ago, without asking anybody; False: that is too long ago."""
        if _older(self.lease.proved_at, LEASE_AGE) or (order.purpose.is_entry and _older(self.looked, STOP_AGE)):
            return False
        self._hold_back(order)
        return True

    def _hold_back(self, order: OrderState) -> None:
        if not order.purpose.is_entry:
            return
        if now() - order.created_at > ENTRY_AGE:
            raise ExchangeRefused("The entry waited too long for its turn at the exchange and was given up.")
        levels = {bot.bot_id: bot.stop_level for bot in self.bots}
        if levels.get(order.bot_id, StopLevel.NO_NEW_ENTRIES) >= StopLevel.NO_NEW_ENTRIES:
            raise ExchangeRefused("A stop came into force before the order was sent.")

    def note(self, event: Event, effects: list[Effect], *, answer: bool) -> None:
        """Keep an input (or an answer that a replay could not work out) and its effects for the next save."""
        if not answer or self.ports.leaves:
            self.events.append(event)
        self.handled += 1
        self.effects += effects
        for effect in effects:
            if isinstance(effect, Oddity):
                logger.warning("account %s: %s", self.lease.account_id, effect.text)

    def before_send(self) -> None:
        """Orders that leave this process are committed first."""
        if self.ports.leaves:
            self._flush()

    def _flush(self) -> None:
        if not self.events and not self.effects:
            return
        events, effects, self.events, self.effects = self.events, self.effects, [], []
        seen = dict(self.seen or self.lease.seen)
        known = seen.get("plans", {})  # what a position's plan changed to is seen when it was decided, not before
        seen["plans"] = {key: known.get(key, mark) for key, mark in plans_marked(self.state).items()}
        changed = seen if seen != self.lease.seen else None
        self.ports.store.save(self.lease, self.loaded, events, effects, changed)
        self.told += effects

    def _tell(self) -> None:
        effects, self.told = self.told, []
        if effects:
            self.ports.store.tell(effects)


def _older(moment: datetime, age: timedelta) -> bool:
    """Whether it is longer ago, or ahead: clocks are set back, too."""
    return not timedelta(0) <= now() - moment <= age
