"""The records of trading: orders, fills, lists. Amounts are Decimals, prices in quote per base, times in real ms."""

from dataclasses import dataclass
from decimal import Decimal

from trading.practice.decimals import ZERO

BUY, SELL = "BUY", "SELL"
NEW, PARTIALLY_FILLED, FILLED = "NEW", "PARTIALLY_FILLED", "FILLED"
CANCELED, EXPIRED, EXPIRED_IN_MATCH, REJECTED = "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"
LIVE = (NEW, PARTIALLY_FILLED)
# stop types: does the market have to fall to the stop price to trigger a SELL?
STOP_TYPES = {"STOP_LOSS": True, "STOP_LOSS_LIMIT": True, "TAKE_PROFIT": False, "TAKE_PROFIT_LIMIT": False}


@dataclass(slots=True)
class Order:
    """One order; ``lock`` is what its account set aside for it, ``ahead`` the market's quantity queued before it."""

    id: int
    account: int
    symbol: str
    client_id: str
    side: str
    type: str
    tif: str
    qty: Decimal
    price: Decimal
    stop: Decimal
    quote_qty: Decimal
    created: int
    updated: int
    list_id: int = -1
    status: str = NEW
    executed: Decimal = ZERO
    cum_quote: Decimal = ZERO
    lock: Decimal = ZERO
    ahead: Decimal = ZERO
    working: int = 1  # 0: a stop that has not triggered

    @property
    def live(self) -> bool:
        """Open: may still execute."""
        return self.status in LIVE

    @property
    def remaining(self) -> Decimal:
        """Base still to execute."""
        return self.qty - self.executed

    @property
    def is_stop(self) -> bool:
        """Waits, or has waited, for a stop price."""
        return self.type in STOP_TYPES

    @property
    def at_market(self) -> bool:
        """Executes at any price once it works."""
        return self.price == ZERO

    def reserve(self) -> Decimal:
        """What must stay set aside, in base for a SELL, in quote for a BUY."""
        if not self.live:
            return ZERO
        if self.side == SELL:
            return self.remaining
        if self.at_market:
            return self.lock if self.working else self.stop * self.remaining
        return self.price * self.remaining

    def crosses(self, price: Decimal) -> bool:
        """Whether this order may trade at ``price``."""
        return self.at_market or (price <= self.price if self.side == BUY else price >= self.price)

    def triggered_by(self, price: Decimal) -> bool:
        """Whether a trade at ``price`` sets off this waiting stop."""
        falls = STOP_TYPES[self.type] == (self.side == SELL)
        return price <= self.stop if falls else price >= self.stop


@dataclass(slots=True)
class Fill:
    """One execution of one order; ids are unique and increase over the whole exchange (the tape has its own)."""

    id: int
    order_id: int
    account: int
    symbol: str
    side: str
    price: Decimal
    qty: Decimal
    quote: Decimal
    fee: Decimal
    fee_asset: str
    maker: int
    time: int
    list_id: int


@dataclass(slots=True)
class OrderList:
    """A pair of orders of which only one may execute (OCO)."""

    id: int
    account: int
    symbol: str
    client_id: str
    first: int
    second: int
    created: int
    status: str = "EXECUTING"


@dataclass(slots=True)
class Entry:
    """One line of the append-only ledger.

    ``kind`` is deposit, trade, fee (``amount`` of ``asset`` moved; a balance is the sum of them) or order (``note``
    says what happened to the order; no amount).
    """

    id: int
    time: int
    account: int
    kind: str
    asset: str
    amount: Decimal
    order_id: int
    fill_id: int
    note: str


@dataclass(slots=True)
class Match:
    """A piece of a taker's execution; ``maker`` is another user's order, None for the market's own liquidity."""

    price: Decimal
    qty: Decimal
    maker: Order | None
