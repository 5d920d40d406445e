"""What the engine knows: instruments, quotes, plans, orders, positions, and the account that they belong to."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from trading.domain.limits import NO_ACCOUNT_LIMITS, NO_LIMITS, AccountLimits, Limits
from trading.domain.plan_levels import NO_LEVELS, PlanLevels
from trading.domain.riskbook import RiskBook

ZERO = Decimal(0)


class Side(StrEnum):
    """Direction of an order."""

    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    """What the engine sends."""

    MARKET = "market"
    LIMIT = "limit"
    LIMIT_MAKER = "limit_maker"
    STOP = "stop"  # rests until the price falls to `price`, then sells at the market


class OrderStatus(StrEnum):
    """States of an order; the legal moves are in `orders.TRANSITIONS`."""

    PENDING = "pending"
    UNKNOWN = "unknown"
    ACTIVE = "active"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


class PositionStatus(StrEnum):
    """States of a position; the legal moves are in `position.TRANSITIONS`."""

    OPENING = "opening"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Purpose(StrEnum):
    """Why an intent exists."""

    ENTRY = "entry"
    EXIT = "exit"
    MANUAL_ENTRY = "manual_entry"
    FORCE_EXIT = "force_exit"
    TAKE_PROFIT = "take_profit"
    STOP_LOSS = "stop_loss"
    HOLDING_TIME = "holding_time"
    PROFIT_STEP = "profit_step"
    ADD = "add"
    REDUCE = "reduce"
    CANCEL = "cancel"
    REPLACE = "replace"
    PROTECT = "protect"

    @property
    def is_entry(self) -> bool:
        """Whether it may open or enlarge a position (everything else only reduces one)."""
        return self in (Purpose.ENTRY, Purpose.MANUAL_ENTRY, Purpose.ADD)


class StopKind(StrEnum):
    """Where a position's stop comes from."""

    PLAN = "plan"
    BREAKEVEN = "breakeven"
    TRAILING = "trailing"


class StopLevel:
    """Rungs of the stop ladder, each including the ones before it."""

    NONE = 0
    NO_NEW_ENTRIES = 1
    REDUCE_ONLY = 2
    FLATTEN = 3


# --- what the engine knows ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InstrumentSpec:
    """Limits of one tradable pair. Steps and minima in base or quote currency; fees are fractions."""

    symbol: str
    base: str
    quote: str
    tick_size: Decimal
    lot_size: Decimal
    min_amount: Decimal = ZERO
    max_amount: Decimal | None = None
    min_notional: Decimal = ZERO
    maker_fee: Decimal = Decimal("0.001")
    taker_fee: Decimal = Decimal("0.001")
    group: str = ""  # the coin that it moves together with (`signals.domain.correlation`); empty: not known
    holds_stops: bool = False  # whether a stop may rest at the exchange
    holds_pairs: bool = False  # and the target with it, as one order of two legs


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and ask with their sizes (base currency) at a moment."""

    symbol: str
    bid: Decimal
    ask: Decimal
    bid_size: Decimal
    ask_size: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """One immutable configuration version of a bot, in domain terms. Fractions are fractions."""

    config_id: UUID
    confidence_threshold: Decimal
    capital_per_trade: Decimal
    profit_target: Decimal
    stop_loss: Decimal
    holding_time: timedelta
    entry_type: OrderType  # MARKET or LIMIT_MAKER
    maker_timeout: timedelta
    taker_after_timeout: bool
    max_positions: int
    max_drawdown: Decimal
    max_spread: Decimal
    levels: PlanLevels = NO_LEVELS
    limits: Limits = NO_LIMITS


@dataclass(slots=True)
class BotState:
    """A bot as the engine sees it. `stop_level` is the strictest rung in force for it (bot, user, ..., platform).

    An account that may not trade holds its bots, too: `barred` says why.
    """

    bot_id: UUID
    plan: Plan
    running: bool = True
    stop_level: int = StopLevel.NONE
    barred: str = ""


@dataclass(slots=True)
class OrderState:
    """An order that is not closed yet (closed ones leave the state)."""

    client_order_id: str
    intent_id: UUID
    leg: int
    purpose: Purpose
    bot_id: UUID
    position_id: UUID
    symbol: str
    side: Side
    type: OrderType
    amount: Decimal
    price: Decimal | None
    created_at: datetime
    expires_at: datetime | None = None
    reference_price: Decimal = ZERO  # what the decision saw: ask for a buy, bid for a sell (reserves, slippage)
    status: OrderStatus = OrderStatus.PENDING
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    fills: int = 0
    cancel_asked_at: datetime | None = None
    reason: str = ""
    exchange_order_id: str = ""  # the exchange's own name of it, once it has answered
    replace_intent_id: UUID | None = None  # who wants another order in its place, once it is proved gone
    replace_price: Decimal | None = None
    replace_amount: Decimal | None = None  # with what this one has filled
    target: Decimal | None = None  # of a stop: the price at which its other leg sells, and this one ends

    @property
    def remaining(self) -> Decimal:
        """Base currency still to fill."""
        return self.amount - self.filled

    @property
    def cancel_requested(self) -> bool:
        """Whether its cancel was asked for."""
        return self.cancel_asked_at is not None


@dataclass(slots=True)
class PositionState:
    """What one bot holds of one instrument, with the plan it was opened under."""

    position_id: UUID
    bot_id: UUID
    symbol: str
    plan: Plan
    intent_id: UUID
    opened_at: datetime
    status: PositionStatus = PositionStatus.OPENING
    amount: Decimal = ZERO
    bought: Decimal = ZERO
    buy_cost: Decimal = ZERO
    sold: Decimal = ZERO
    sell_proceeds: Decimal = ZERO
    fees_quote: Decimal = ZERO  # every fee, valued in quote currency at its fill
    fees_cash: Decimal = ZERO  # of these, what was not taken in base currency (that part is missing from `amount`)
    realised_pnl: Decimal = ZERO
    dust: Decimal = ZERO
    dust_cost: Decimal = ZERO  # what the dust has cost: it is owned still, and not in the result
    dust_moved: Decimal = ZERO  # taken over from earlier trades of the bot, minus what a later one took over
    cost_moved: Decimal = ZERO  # what that has cost
    gone: Decimal = ZERO  # written off: taken out of the account by another way
    gone_cost: Decimal = ZERO  # what that has cost: not in the result, nobody of ours has lost it
    stop_price: Decimal | None = None
    target_price: Decimal | None = None
    hold_until: datetime | None = None
    close_reason: str = ""
    closed_at: datetime | None = None
    exit_intent_id: UUID | None = None  # the exit being worked on; `close_reason` is its purpose
    exits_tried: int = 0  # exit orders sent so far; the next one's leg
    retry_at: datetime | None = None  # a refused exit is tried again from here on
    stop_kind: StopKind = StopKind.PLAN
    raise_price: Decimal | None = None  # the bid that raises the stop
    step_price: Decimal | None = None  # the bid that takes the next profit step
    add_price: Decimal | None = None  # the ask that buys the next step in
    steps_taken: int = 0
    adds_taken: int = 0
    first_price: Decimal = ZERO  # average price and cost of the first entry, before fees: steps in count from these
    first_cost: Decimal = ZERO
    stops_placed: int = 0  # stops that were sent to rest at the exchange


@dataclass(slots=True)
class AccountState:
    """Everything one account's engine decides from: what is open, and closed things that late answers concern."""

    account_id: UUID
    deployment_id: str
    quote_currency: str
    instruments: dict[str, InstrumentSpec] = field(default_factory=dict)
    balances: dict[str, Decimal] = field(default_factory=dict)
    bots: dict[UUID, BotState] = field(default_factory=dict)
    orders: dict[str, OrderState] = field(default_factory=dict)
    positions: dict[UUID, PositionState] = field(default_factory=dict)
    closed_orders: dict[str, OrderState] = field(default_factory=dict)  # those that late answers may still concern
    closed_positions: dict[UUID, PositionState] = field(default_factory=dict)
    leftovers: dict[tuple[UUID, str], set[UUID]] = field(default_factory=dict)  # closed, maybe with dust: (bot, symbol)
    quotes: dict[str, Quote] = field(default_factory=dict)
    peak_equity: Decimal = ZERO
    limits: AccountLimits = NO_ACCOUNT_LIMITS
    risk: RiskBook = field(default_factory=RiskBook)
    trade_ids: set[tuple[str, str]] = field(default_factory=set)  # (symbol, trade id) of fills already applied
    cash_references: set[str] = field(default_factory=set)  # of cash movements already posted


def order_copy(order: OrderState) -> OrderState:
    """A copy as it is now, for an effect."""
    return replace(order)


def position_copy(position: PositionState) -> PositionState:
    """A copy as it is now, for an effect."""
    return replace(position)
