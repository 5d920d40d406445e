"""The database in memory: rows change in whole commits or not at all. Implements `trading.turn.ports.Store`."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from trading.domain.closing import leftover_note
from trading.domain.findings import Finding
from trading.domain.orders import CLOSED, OPEN
from trading.domain.position import OPEN_STATES
from trading.domain.records import value_payload
from trading.domain.types import (
    ZERO,
    AccountLimits,
    AccountState,
    CashMoved,
    FillApplied,
    FillSeen,
    InstrumentSpec,
    IntentDecided,
    IntentOpened,
    IntentTaken,
    LedgerPosted,
    OrderAnswered,
    OrderChanged,
    OrderPlaced,
    OrderState,
    Plan,
    PositionChanged,
    PositionState,
    PositionStatus,
    RiskDenied,
    StopLevel,
)
from trading.turn.ports import AccountFacts, BotSeen, CheckResult, Lease, LeaseLost, Loaded, QueuedIntent

LEASE_TIME = timedelta(seconds=45)
WAITING = ("pending", "claimed")


class Broken(BaseException):
    """An invariant does not hold; no handler of the code under test may swallow that."""


@dataclass(slots=True)
class IntentRow:
    """One intent in the queue."""

    taken: IntentTaken
    number: int
    status: str = "pending"
    reason: str = ""


@dataclass(slots=True)
class BotRow:
    """A bot: its plan, whether it runs, and the strictest stop on it."""

    bot_id: UUID
    plan: Plan
    running: bool = True
    stop: int = StopLevel.NONE
    stopped_at: datetime | None = None


@dataclass(slots=True)
class Rows:
    """All that is committed of one account."""

    bots: dict[UUID, BotRow] = field(default_factory=dict)
    intents: dict[UUID, IntentRow] = field(default_factory=dict)
    orders: dict[str, OrderState] = field(default_factory=dict)
    closed_at: dict[str, datetime] = field(default_factory=dict)
    positions: dict[UUID, PositionState] = field(default_factory=dict)
    fills: dict[tuple[str, str], tuple[str, FillSeen]] = field(default_factory=dict)
    ledger: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    balances: dict[str, Decimal] = field(default_factory=dict)
    denied: list[RiskDenied] = field(default_factory=list)
    records: list[Any] = field(default_factory=list)
    owner: str = ""
    token: int = 0
    expires_at: datetime | None = None
    sequence: int = 0
    peak: Decimal = ZERO
    risk: dict[str, Any] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)
    checked_at: datetime | None = None
    check_wanted_at: datetime | None = None
    barred: bool = False  # a revoked key: its owner has to act
    paused: str = ""  # by a comparison that only a person can decide
    unconfirmed: dict[str, Decimal] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


class MemoryStore:
    """One account as one worker process sees it; `world.point` is where it may be killed or stall."""

    def __init__(self, world: Any, account_id: int, rows: Rows, instruments: dict[str, InstrumentSpec]) -> None:
        self.world, self.account_id, self.rows, self.instruments = world, account_id, rows, instruments

    def lease_take(self) -> Lease | None:
        self.world.point("lease")
        rows, now = self.rows, self.world.now()
        if rows.owner and rows.expires_at is not None and rows.expires_at >= now:
            return None
        rows.token += 1
        rows.owner, rows.expires_at = f"worker-{self.world.serial()}", now + LEASE_TIME
        return Lease(self.account_id, rows.owner, rows.token, rows.sequence, rows.peak, now, dict(rows.seen), rows.risk)

    def lease_renew(self, lease: Lease) -> None:
        self._prove(lease)

    def _prove(self, lease: Lease) -> None:
        if (self.rows.owner, self.rows.token) != (lease.owner, lease.token):
            raise LeaseLost(f"Another worker took over account {lease.account_id}.")
        lease.proved_at = self.world.now()
        self.rows.expires_at = lease.proved_at + LEASE_TIME

    def lease_release(self, lease: Lease) -> None:
        if self.world.dying:
            return  # a killed process releases nothing
        if (self.rows.owner, self.rows.token) == (lease.owner, lease.token):
            self.rows.owner, self.rows.expires_at = "", None

    def load(self, events: Any = (), *, closed_since: datetime | None = None) -> Loaded:
        self.world.point("load")
        rows = self.rows
        state = AccountState(UUID(int=self.account_id), "simulated", "USDT", dict(self.instruments))
        state.balances.update(rows.balances)
        mentioned = {e.client_order_id for e in events if isinstance(e, OrderAnswered | FillSeen)}
        for name, order in rows.orders.items():
            late = closed_since is not None and name in rows.closed_at and rows.closed_at[name] >= closed_since
            if order.status in OPEN or name in mentioned or late:
                (state.orders if order.status in OPEN else state.closed_orders)[name] = replace(order)
        wanted = {order.position_id for order in [*state.orders.values(), *state.closed_orders.values()]}
        in_play = {r.taken.symbol for r in rows.intents.values() if r.status in WAITING}
        in_play |= {p.symbol for p in rows.positions.values() if p.status in OPEN_STATES}
        for key, position in rows.positions.items():
            if position.status in OPEN_STATES:
                state.positions[key] = replace(position)
            elif key in wanted or (position.dust and position.symbol in in_play):
                state.closed_positions[key] = replace(position)
                leftover_note(state, state.closed_positions[key])
        self._fills(state, events)
        references = {e.reference for e in events if isinstance(e, CashMoved)}
        state.cash_references.update(name for name, _ in rows.ledger if name in references)
        facts = AccountFacts(
            self.account_id, "sim", "sim", "USDT", rows.checked_at, rows.check_wanted_at, False, dict(rows.unconfirmed)
        )
        queue = [
            QueuedIntent(row.taken, row.status == "claimed", row.number)
            for row in rows.intents.values()
            if row.status in WAITING
        ]
        return Loaded(self.world.now(), facts, state, queue, self.bots(), AccountLimits())

    def _fills(self, state: AccountState, events: Any) -> None:
        told = {e.trade_id for e in events if isinstance(e, FillSeen)}
        for (symbol, trade_id), (name, _) in self.rows.fills.items():
            order = state.orders.get(name) or state.closed_orders.get(name)
            if order is not None:
                order.fills += 1 if order.fills < 10**6 else 0
            if order is not None or trade_id in told:
                state.trade_ids.add((symbol, trade_id))
        for order in [*state.orders.values(), *state.closed_orders.values()]:
            order.fills = sum(1 for name, _ in self.rows.fills.values() if name == order.client_order_id)

    def bots(self) -> list[BotSeen]:
        barred = StopLevel.NO_NEW_ENTRIES if self.rows.barred or self.rows.paused else StopLevel.NONE
        found = []
        for row in self.rows.bots.values():
            level = max(row.stop, barred)
            mark = f"{row.plan.config_id}:{row.running}:{level}"
            found.append(BotSeen(row.bot_id, row.plan, row.running, level, False, mark))
        return found

    def capacity_take(self, intent: UUID, symbol: str, cost: Decimal) -> Decimal | None:
        return None

    def claim(self, lease: Lease, intents: Any, at: datetime) -> set[UUID]:
        self.world.point("claim")
        if (self.rows.owner, self.rows.token) != (lease.owner, lease.token):
            raise LeaseLost(f"Another worker took over account {lease.account_id}.")
        taken = {key for key in intents if self.rows.intents[key].status in WAITING}
        for key in taken:
            self.rows.intents[key].status = "claimed"
        return taken

    def save(self, lease: Lease, loaded: Loaded, events: Any, effects: Any, seen: dict[str, Any] | None) -> None:
        self.world.point("save:before")
        self._prove(lease)
        rows = self.rows
        rows.records += events
        for effect in effects:
            self._apply(effect)
        rows.sequence += len(events)
        rows.peak, rows.risk = loaded.state.peak_equity, value_payload(loaded.state.risk)
        rows.seen = rows.seen if seen is None else seen
        lease.sequence, lease.peak_equity, lease.seen = rows.sequence, rows.peak, dict(rows.seen)
        lease.risk = rows.risk
        self.world.point("save:after")

    def _apply(self, effect: Any) -> None:
        rows = self.rows
        match effect:
            case OrderPlaced(at=at, order=order) | OrderChanged(at=at, order=order):
                if isinstance(effect, OrderPlaced):
                    _new(order.client_order_id not in rows.orders, f"order {order.client_order_id} placed twice")
                rows.orders[order.client_order_id] = replace(order)
                rows.closed_at.pop(order.client_order_id, None)
                if order.status in CLOSED:
                    rows.closed_at[order.client_order_id] = at
            case PositionChanged(position=position):
                rows.positions[position.position_id] = replace(position)
            case IntentOpened(at=at, intent_id=key, bot_id=bot, symbol=symbol, side=side, purpose=purpose):
                _new(key not in rows.intents, f"intent {key} opened twice")
                rows.intents[key] = IntentRow(IntentTaken(at, key, bot, symbol, side, purpose), 10**6, "claimed")
            case IntentDecided(intent_id=key, status=status, reason=reason):
                rows.intents[key].status, rows.intents[key].reason = status, reason
            case FillApplied(order=order, fill=fill):
                _new((order.symbol, fill.trade_id) not in rows.fills, f"fill {fill.trade_id} stored twice")
                rows.fills[order.symbol, fill.trade_id] = (order.client_order_id, fill)
            case LedgerPosted(currency=currency, amount=amount, reference=reference):
                _new((reference, currency) not in rows.ledger, f"ledger line {reference} {currency} stored twice")
                rows.ledger[reference, currency] = amount
                rows.balances[currency] = rows.balances.get(currency, ZERO) + amount
            case RiskDenied():
                rows.denied.append(effect)

    def orders_known(self, exchange_ids: Any, client_ids: Any) -> tuple[set[str], set[str]]:
        stored = self.rows.orders.values()
        by_id = {o.exchange_order_id for o in stored if o.exchange_order_id in exchange_ids}
        return by_id, {o.client_order_id for o in stored if o.client_order_id in client_ids}

    def references_known(self, references: Any) -> set[str]:
        return {name for name, _ in self.rows.ledger if name in references}

    def check_save(self, check: CheckResult) -> None:
        self.world.point("check:save")
        rows = self.rows
        rows.checked_at, rows.unconfirmed = check.at, check.unconfirmed
        rows.findings += check.findings
        if check.again_at is not None:
            rows.check_wanted_at = check.again_at
        if pausing := [finding.text for finding in check.findings if finding.pauses]:
            rows.paused = pausing[0]

    def tell(self, effects: Any) -> None:
        self.world.point("tell")


def _new(is_new: bool, what: str) -> None:
    """A unique constraint of the database."""
    if not is_new:
        raise Broken(what)


def open_position(status: PositionStatus) -> bool:
    """Whether it may still be sold."""
    return status in OPEN_STATES
