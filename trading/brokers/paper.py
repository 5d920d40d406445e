"""Our own fills on the real market's quotes, worked out the same way every time.

A function of the open orders, the account's balances, the quotes and the instruments' fees, nothing else:

- A market order takes min(rest, visible size) at the ask (buy) or bid (sell) of each quote; the rest waits for the
  next quote. All orders of the account share a quote's visible size, in the order they came.
- LIMIT_MAKER is refused when it would take. LIMIT takes what the quote offers at its price or better, then rests.
- A resting order fills at its own price when the opposite side reaches it, limited by the visible size there.
- Fees: a fraction of what is received (base for a buy, quote for a sell), maker or taker, rounded up to 1e-12.
- Nothing is sold or spent that is not there: such orders are refused, and a market buy whose money ran out on the
  way is cancelled for the rest.
- Trade ids are the client order id and a running number.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading.domain.money import amount_floor, exact, fee_round
from trading.domain.types import (
    ZERO,
    AccountState,
    CashMoved,
    Event,
    FillSeen,
    InstrumentSeen,
    InstrumentSpec,
    OrderAnswered,
    OrderState,
    OrderStatus,
    OrderType,
    Quote,
    QuoteSeen,
    RunStarted,
    Side,
)


@dataclass(slots=True)
class _Working:
    """One order in the book, with the broker's own count of what it filled."""

    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    price: Decimal | None
    rest: Decimal
    fills: int = 0

    @classmethod
    def of(cls, order: OrderState) -> "_Working":
        return cls(
            order.client_order_id, order.symbol, order.side, order.type, order.price, order.remaining, order.fills
        )


class PaperBroker:
    """A simulated exchange account. Implements `trading.brokers.port.Broker`."""

    def __init__(self, balances: dict[str, Decimal], instruments: dict[str, InstrumentSpec]) -> None:
        self._balances = dict(balances)
        self._instruments = dict(instruments)
        self._book: dict[str, _Working] = {}
        self._quotes: dict[str, Quote] = {}
        self._visible: dict[tuple[str, Side], Decimal] = {}

    @classmethod
    def restored(cls, state: AccountState) -> "PaperBroker":
        """The broker as it was when this state was stored."""
        broker = cls(state.balances, state.instruments)
        for order in state.orders.values():
            if order.status in (OrderStatus.ACTIVE, OrderStatus.UNKNOWN):
                broker._book[order.client_order_id] = _Working.of(order)
        return broker

    @exact
    def submit(self, order: OrderState, instrument: InstrumentSpec) -> list[Event]:
        """Accept or refuse, and fill at once what the last quote offers."""
        if order.client_order_id in self._book:
            return []
        self._instruments[order.symbol] = instrument
        working = _Working.of(order)
        refused = self._refusal(working)
        if refused:
            return [_answer(order.created_at, working, OrderStatus.REJECTED, refused)]
        self._book[order.client_order_id] = working
        accepted = _answer(order.created_at, working, OrderStatus.ACTIVE)
        return [accepted, *self._match(working, order.created_at, resting=False)]

    @exact
    def cancel(self, order: OrderState, instrument: InstrumentSpec) -> list[Event]:
        """Take an order out of the book."""
        self._book.pop(order.client_order_id, None)
        at = order.cancel_asked_at or order.created_at
        return [OrderAnswered(at, order.client_order_id, OrderStatus.CANCELLED)]

    def submit_ahead(self, order: OrderState) -> None:
        """Nothing: it answers at once."""

    def cancel_ahead(self, order: OrderState) -> None:
        """Nothing: it answers at once."""

    def recover(self, order: OrderState, instrument: InstrumentSpec) -> list[Event]:
        """An order that was stored and never came here can still be taken: nobody else knows it."""
        return self.submit(order, instrument)

    @exact
    def market(self, event: Event) -> list[Event]:
        """Quotes fill what they reach; cash and instruments are kept up to date."""
        match event:
            case QuoteSeen(at=at, quote=quote) if 0 < quote.bid <= quote.ask:
                return self._quoted(quote, at)
            case CashMoved(currency=currency, amount=amount):
                self._balances[currency] = self._balances.get(currency, ZERO) + amount
            case InstrumentSeen(spec=spec):
                self._instruments[spec.symbol] = spec
            case RunStarted():
                self._quotes.clear()
                self._visible.clear()
        return []

    def _quoted(self, quote: Quote, at: datetime) -> list[Event]:
        self._quotes[quote.symbol] = quote
        self._visible[quote.symbol, Side.BUY] = quote.ask_size
        self._visible[quote.symbol, Side.SELL] = quote.bid_size
        events: list[Event] = []
        for working in [w for w in self._book.values() if w.symbol == quote.symbol]:
            events += self._match(working, at, resting=True)
        return events

    def _refusal(self, order: _Working) -> str:
        spec, quote = self._instruments[order.symbol], self._quotes.get(order.symbol)
        if order.type is OrderType.LIMIT_MAKER and quote is not None and _reaches(order, quote):
            return "It would have taken at once; a maker order must not."
        if order.side is Side.SELL and order.rest > self._free(spec.base):
            return f"Not enough {spec.base}."
        price = order.price if order.price is not None else (quote.ask if quote is not None else ZERO)
        spends = order.rest * price if order.type is not OrderType.MARKET else ZERO
        if order.side is Side.BUY and (spends > self._free(spec.quote) or self._free(spec.quote) <= 0):
            return f"Not enough {spec.quote}."
        return ""

    def _match(self, order: _Working, at: datetime, *, resting: bool) -> list[Event]:
        """Fill what the current quote gives."""
        quote = self._quotes.get(order.symbol)
        if quote is None or not _reaches(order, quote):
            return []
        maker = resting and order.type is not OrderType.MARKET
        price = order.price if maker and order.price is not None else _opposite(order, quote)
        amount, short = self._amount(order, price)
        events: list[Event] = [self._fill(order, at, price, amount, maker=maker)] if amount > 0 else []
        if order.rest <= 0:
            self._book.pop(order.client_order_id)
        elif short:
            self._book.pop(order.client_order_id)
            events.append(_answer(at, order, OrderStatus.CANCELLED, "The balance is used up."))
        return events

    def _amount(self, order: _Working, price: Decimal) -> tuple[Decimal, bool]:
        """How much fills now, and whether the account (not the market) is what limits it."""
        spec = self._instruments[order.symbol]
        seen = min(order.rest, amount_floor(self._visible.get((order.symbol, order.side), ZERO), spec.lot_size))
        currency = spec.quote if order.side is Side.BUY else spec.base
        free = self._free(currency, besides=order.client_order_id)
        covered = amount_floor(free / price, spec.lot_size) if order.side is Side.BUY else max(free, ZERO)
        return min(seen, covered), covered < seen

    def _fill(self, order: _Working, at: datetime, price: Decimal, amount: Decimal, *, maker: bool) -> FillSeen:
        spec = self._instruments[order.symbol]
        rate = spec.maker_fee if maker else spec.taker_fee
        buy = order.side is Side.BUY
        fee, currency = fee_round((amount if buy else price * amount) * rate), spec.base if buy else spec.quote
        self._move(spec.base, amount if buy else -amount)
        self._move(spec.quote, -price * amount if buy else price * amount)
        self._move(currency, -fee)
        self._visible[order.symbol, order.side] -= amount
        order.rest, order.fills = order.rest - amount, order.fills + 1
        trade_id = f"{order.client_order_id}-{order.fills}"
        return FillSeen(at, order.client_order_id, trade_id, price, amount, fee, currency, maker)

    def _move(self, currency: str, amount: Decimal) -> None:
        self._balances[currency] = self._balances.get(currency, ZERO) + amount

    def _free(self, currency: str, besides: str = "") -> Decimal:
        """Balance minus what other resting limit orders lock."""
        locked = sum((self._locks(o, currency) for o in self._book.values() if o.client_order_id != besides), ZERO)
        return self._balances.get(currency, ZERO) - locked

    def _locks(self, order: _Working, currency: str) -> Decimal:
        spec = self._instruments[order.symbol]
        if order.side is Side.SELL:
            return order.rest if currency == spec.base else ZERO
        return order.rest * order.price if order.price is not None and currency == spec.quote else ZERO

    def open_ids(self) -> Iterable[str]:
        """Client order ids in the book, in the order they came."""
        return tuple(self._book)


def _reaches(order: _Working, quote: Quote) -> bool:
    if order.price is None:
        return True
    return quote.ask <= order.price if order.side is Side.BUY else quote.bid >= order.price


def _opposite(order: _Working, quote: Quote) -> Decimal:
    return quote.ask if order.side is Side.BUY else quote.bid


def _answer(at: datetime, order: _Working, status: OrderStatus, reason: str = "") -> OrderAnswered:
    return OrderAnswered(at, order.client_order_id, status, reason=reason)
