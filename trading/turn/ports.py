"""What an account's turn needs from outside, as protocols, and the plain values that pass through them."""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from trading.brokers.port import Broker
from trading.domain.findings import Finding
from trading.domain.types import AccountLimits, AccountState, Effect, Event, IntentTaken, OrderState, Plan, Quote
from trading.runner import Together, one_by_one


class LeaseBusy(RuntimeError):
    """Another process works on this account; what was handed over must be delivered again."""


class LeaseLost(RuntimeError):
    """The lease ran out and somebody else has it: nothing of this run may be stored any more."""


@dataclass(slots=True)
class Lease:
    """A lease that is held, with what the account's engine carries from run to run."""

    account_id: int
    owner: str
    token: int
    sequence: int
    peak_equity: Decimal
    proved_at: datetime  # when it was ours for certain
    seen: dict[str, Any] = field(default_factory=dict)
    risk: dict[str, Any] = field(default_factory=dict)
    floors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What a turn knows of its account beside the engine's state."""

    account_id: int
    name: str
    exchange: str
    quote_currency: str
    checked_at: datetime | None  # when it was last compared with its exchange
    check_wanted_at: datetime | None  # from then on it must be compared again before it trades, if not done since
    check_asked: bool = False  # its owner, or what its stream told, wants it compared, whether anything is open
    unconfirmed: dict[str, Decimal] = field(default_factory=dict)  # what differed when it was compared last


@dataclass(frozen=True, slots=True)
class QueuedIntent:
    """An intent in the queue, pending or claimed; `taken` has no meaningful moment yet."""

    taken: IntentTaken
    claimed: bool
    number: int  # grows in the order in which intents came

    def event(self, at: datetime) -> IntentTaken:
        """As the engine takes it."""
        return replace(self.taken, at=at)


@dataclass(frozen=True, slots=True)
class BotSeen:
    """A bot as it is now, with the strictest stop in force for it."""

    bot_id: UUID
    plan: Plan
    running: bool
    stop_level: int
    deleted: bool
    mark: str  # changes whenever something of it does
    barred: str = ""  # why its account may not trade, where that and no stop of the ladder holds it


@dataclass(slots=True)
class Loaded:
    """What is stored of an account: the engine's state, the queue, and its bots."""

    at: datetime  # when it was read
    facts: AccountFacts
    state: AccountState
    intents: list[QueuedIntent]
    bots: list[BotSeen]
    limits: AccountLimits


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a comparison came to."""

    at: datetime  # when the exchange was asked
    totals: dict[str, Decimal]  # what it said
    findings: tuple[Finding, ...]
    unconfirmed: dict[str, Decimal]  # differences that were seen once
    again_at: datetime | None  # when they are to be looked at again


class Store(Protocol):
    """Where one account is stored. Every method that writes is one transaction and proves the lease first."""

    def lease_take(self) -> Lease | None:
        """The account's lease, or None while somebody else holds it."""
        ...

    def lease_renew(self, lease: Lease) -> None:
        """Hold it longer. Raises LeaseLost."""
        ...

    def lease_release(self, lease: Lease) -> None:
        """Give it back; harmless when it was lost."""
        ...

    def load(self, events: Sequence[Event] = (), *, closed_since: datetime | None = None) -> Loaded:
        """What is open, and the closed orders that `events` concern or that closed since that moment."""
        ...

    def bots(self) -> list[BotSeen]:
        """The account's bots and the stops on them, as committed right now."""
        ...

    def capacity_take(self, intent: UUID, symbol: str, cost: Decimal) -> Decimal | None:
        """Take so much (quote currency) of what all bots together may take of a pair, once for an intent.

        `cost` when it was taken; what is left when that is less; None where there is no limit.
        """
        ...

    def claim(self, lease: Lease, intents: Sequence[UUID], at: datetime) -> set[UUID]:
        """Claim intents; those that were not withdrawn meanwhile. Raises LeaseLost."""
        ...

    def save(
        self,
        lease: Lease,
        loaded: Loaded,
        events: Sequence[Event],
        effects: Sequence[Effect],
        seen: dict[str, Any] | None,
    ) -> None:
        """Record the events and store their effects in one transaction. Raises LeaseLost."""
        ...

    def orders_known(self, exchange_ids: Set[str], client_ids: Set[str]) -> tuple[set[str], set[str]]:
        """Which of these orders of the account are stored, however long they are closed."""
        ...

    def references_known(self, references: Set[str]) -> set[str]:
        """Which of these ledger lines are posted."""
        ...

    def check_save(self, check: CheckResult) -> None:
        """The account was compared with its exchange. What was found is kept and told, and may pause the account."""
        ...

    def tell(self, effects: Sequence[Effect]) -> None:
        """Tell whoever wants to know what was stored; never raises."""
        ...


Answer = dict[str, Any]  # an order or a trade in ccxt's unified words


@dataclass(frozen=True, slots=True)
class Leaving:
    """Asked right before an order leaves: what it raises holds it back."""

    ask: Callable[[OrderState], None]  # may have to ask the database
    known: Callable[[OrderState], bool]  # the same by what was read a moment ago; False: it was not, so ask

    def __call__(self, order: OrderState) -> None:
        """Ask."""
        self.ask(order)


class Exchange(Protocol):
    """One account at its exchange. Everything raises the errors of `accounts.exchanges.errors` and nothing else."""

    def order_create(self, order: OrderState, leaving: Leaving) -> Answer:
        """Send an order once, under its client order id.

        `leaving` is asked when its turn has come, and the request is signed as of then: whatever delays it after
        that, the exchange refuses it once it is older than its expiry (`trading.brokers.live.EXPIRY`).
        """
        ...

    def order_cancel(self, order: OrderState) -> None:
        """Ask for an order's cancel."""
        ...

    def order_create_ahead(self, order: OrderState, leaving: Leaving) -> None:
        """Begin what `order_create`, which follows, waits for. Never waits and never raises."""
        ...

    def order_cancel_ahead(self, order: OrderState) -> None:
        """Begin what `order_cancel`, which follows, waits for."""
        ...

    def order_look(self, order: OrderState) -> tuple[Answer, list[Answer]]:
        """The order as the exchange has it, with its trades. ExchangeNotFound: every list was read, it is in none."""
        ...

    def order_trades(self, order: OrderState, exchange_order_id: str) -> list[Answer]:
        """All executions of one order."""
        ...

    def trades_since(self, symbol: str, since: datetime) -> list[Answer]:
        """The account's own executions in one symbol."""
        ...

    def orders_open(self, symbols: Sequence[str]) -> list[Answer]:
        """What rests at the exchange in these symbols, whoever ordered it."""
        ...

    def balances(self) -> dict[str, Decimal]:
        """Total (free and locked) per currency, without zeros."""
        ...


class Memory(Protocol):
    """Small notes of one account, shared by the processes that work on it. All of them may be lost at any time."""

    def note_once(self, name: str, value: Any, seconds: float) -> bool:
        """Keep it unless it is there; whether it was not."""
        ...

    def note_read(self, name: str) -> Any:
        """The note, or None."""
        ...

    def note_drop(self, name: str) -> bool:
        """Forget it; whether it was there."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """All that one account's turn works with."""

    store: Store
    broker: Callable[[AccountState, Leaving], Broker]
    quotes: Callable[[Sequence[str]], Sequence[Quote]]  # the newest of these symbols, however old
    memory: Memory
    exchange: Exchange | None = None  # None: our own broker fills the orders in this process
    together: Together = one_by_one  # sends several requests of a turn
    leaves: bool = False  # orders leave this process: committed before they are sent, and answers are recorded
    start_balance: Decimal | None = None  # what the ledger begins with when nobody but us knows it
    fee_pair: str = ""  # values fees that the exchange takes in a coin of its own
    started_at: datetime | None = None  # of this process: an account is checked once after it
