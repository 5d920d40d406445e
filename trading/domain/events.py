"""What happens to the engine, in the order it happens."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from trading.domain.limits import AccountLimits
from trading.domain.state import InstrumentSpec, OrderStatus, Plan, Purpose, Quote, Side


@dataclass(frozen=True, slots=True)
class IntentTaken:
    """An intent from the queue was claimed: decide it.

    Manual entries may carry an amount and a limit price; a cancel names its order; a part of a position is sold by
    `amount` (base currency) or `share` of what is held. What risk rules judge an entry by and nobody can work out from
    the state comes along: the mean range of a candle as a fraction of the price, close and closing time of the last
    candle, and what the pair's capacity has left for it (quote currency; None: no limit).
    """

    at: datetime
    intent_id: UUID
    bot_id: UUID
    symbol: str
    side: Side
    purpose: Purpose
    confidence: Decimal = Decimal(1)
    amount_quote: Decimal | None = None
    limit_price: Decimal | None = None
    expires_at: datetime | None = None
    client_order_id: str = ""
    amount: Decimal | None = None
    share: Decimal | None = None
    volatility: Decimal | None = None
    candle_close: Decimal | None = None
    candle_at: datetime | None = None
    capacity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class QuoteSeen:
    """The market moved (for an instrument with an open order or position, or before an intent)."""

    at: datetime
    quote: Quote


@dataclass(frozen=True, slots=True)
class ClockMark:
    """Time passed: maker time-outs and holding times are looked at."""

    at: datetime


@dataclass(frozen=True, slots=True)
class BotChanged:
    """A bot's plan, running state or stop level is now this (also how a new bot enters the state).

    `barred` says why its account may not trade, where that and no stop of the ladder holds it.
    """

    at: datetime
    bot_id: UUID
    plan: Plan
    running: bool
    stop_level: int
    barred: str = ""


@dataclass(frozen=True, slots=True)
class PlanApplied:
    """The owner gave an open position another version of the bot's configuration."""

    at: datetime
    position_id: UUID
    plan: Plan


@dataclass(frozen=True, slots=True)
class OrderAnswered:
    """What the broker or exchange says of an order: ACTIVE, REJECTED, CANCELLED, EXPIRED or UNKNOWN."""

    at: datetime
    client_order_id: str
    status: OrderStatus
    exchange_order_id: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FillSeen:
    """One execution of an order. A trade id seen before changes nothing."""

    at: datetime
    client_order_id: str
    trade_id: str
    price: Decimal
    amount: Decimal
    fee: Decimal
    fee_currency: str
    maker: bool


@dataclass(frozen=True, slots=True)
class CashMoved:
    """Money came (positive) or left (negative) by another way than our orders; `reference` makes it unique.

    `kind` is the ledger's word for it; empty: a deposit or a withdrawal.
    """

    at: datetime
    currency: str
    amount: Decimal
    reference: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class InstrumentSeen:
    """An instrument's limits and fees are now these."""

    at: datetime
    spec: InstrumentSpec


@dataclass(frozen=True, slots=True)
class LimitsSeen:
    """The limits of the account and the platform are now these."""

    at: datetime
    limits: AccountLimits


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A new run of execution begins: quotes of earlier runs are no longer known."""

    at: datetime


Event = (
    IntentTaken
    | QuoteSeen
    | ClockMark
    | BotChanged
    | PlanApplied
    | OrderAnswered
    | FillSeen
    | CashMoved
    | InstrumentSeen
    | LimitsSeen
    | RunStarted
)
