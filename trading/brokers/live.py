"""Real orders at an exchange (live, testnet, practice). Implements `trading.brokers.port.Broker`.

Rules: an order is sent once. Whatever is not a clear answer leaves it UNKNOWN until it is looked up. It counts as
absent only after two clean reads of all lists, further apart than a request of ours can live at the exchange
(`EXPIRY` and `CLOCK_ERROR`); only then is it REJECTED, and the engine may try again under another id.
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.clock import now
from accounts.exchanges.errors import (
    ExchangeError,
    ExchangeNotFound,
    ExchangeNotSent,
    ExchangeRefused,
    ExchangeStopped,
)
from trading.brokers.answers import exact_of, exact_value, number, traded
from trading.domain.types import (
    Event,
    FillSeen,
    InstrumentSpec,
    OrderAnswered,
    OrderState,
    OrderStatus,
    OrderType,
    Side,
)
from trading.turn.ports import Exchange, LeaseLost, Leaving, Memory

logger = logging.getLogger(__name__)
EXPIRY = timedelta(seconds=10)  # ccxt's recvWindow: a request older than this is refused by the exchange
CLOCK_ERROR = timedelta(seconds=2)
ABSENT_S = 3600.0
CLOSED = {"canceled": OrderStatus.CANCELLED, "expired": OrderStatus.EXPIRED}


class LiveBroker:
    """The broker of one account at its exchange. `leaving` is asked right before each order leaves.

    `stop_expiry`: how long after it was signed a stop's request may still arrive.
    """

    def __init__(
        self, exchange: Exchange, memory: Memory, leaving: Leaving, *, stop_expiry: timedelta = EXPIRY
    ) -> None:
        self.exchange, self.memory, self.leaving, self.stop_expiry = exchange, memory, leaving, stop_expiry

    def submit(self, order: OrderState, instrument: InstrumentSpec) -> list[Event]:
        """Send a new order; its answer, with the fills that came along."""
        try:
            answer = self.exchange.order_create(order, self.leaving)
            return self._told(order, answer, list(answer.get("trades") or []))
        except (ExchangeStopped, LeaseLost):
            raise
        except (ExchangeRefused, ExchangeNotSent) as error:
            return [_answered(order, OrderStatus.REJECTED, reason=str(error))]
        except ExchangeError as error:
            return [_answered(order, OrderStatus.UNKNOWN, reason=str(error))]
        except Exception as error:
            logger.exception("the answer to order %s is unreadable", order.client_order_id)
            return [_answered(order, OrderStatus.UNKNOWN, reason=f"Unreadable answer: {type(error).__name__}")]

    def cancel(self, order: OrderState, instrument: InstrumentSpec) -> list[Event]:
        """Ask for a cancel, then look what became of the order: fills may have been faster."""
        try:
            self.exchange.order_cancel(order)
        except ExchangeStopped:
            raise
        except ExchangeRefused:
            logger.info("order %s could not be cancelled; looking at it", order.client_order_id)
        except ExchangeError as error:
            logger.warning("the cancel of %s is unclear: %s", order.client_order_id, error)
        return self.look(order)

    def submit_ahead(self, order: OrderState) -> None:
        """Its request leaves now; `submit` waits for the answer."""
        self.exchange.order_create_ahead(order, self.leaving)

    def cancel_ahead(self, order: OrderState) -> None:
        """The same of a cancel."""
        self.exchange.order_cancel_ahead(order)

    def recover(self, order: OrderState, instrument: InstrumentSpec) -> list[Event]:
        """What became of an order whose answer is not known; UNKNOWN (one more error) when it cannot be asked."""
        return self._look(order)

    def market(self, event: Event) -> list[Event]:
        """The exchange fills, not we."""
        return []

    def look(self, order: OrderState) -> list[Event]:
        """The order as the exchange has it now; empty when that cannot be said."""
        events = self._look(order)
        return [event for event in events if getattr(event, "status", None) is not OrderStatus.UNKNOWN]

    def _look(self, order: OrderState) -> list[Event]:
        try:
            answer, trades = self.exchange.order_look(order)
            self.memory.note_drop(f"absent:{order.client_order_id}")
            return self._told(order, answer, trades)
        except ExchangeStopped:
            raise
        except ExchangeNotFound:
            return self._absent(order)
        except ExchangeError as error:
            logger.warning("order %s could not be looked up: %s", order.client_order_id, error)
            return [_answered(order, OrderStatus.UNKNOWN, reason=str(error))]
        except Exception as error:
            logger.exception("what the exchange says of order %s is unreadable", order.client_order_id)
            return [_answered(order, OrderStatus.UNKNOWN, reason=f"Unreadable answer: {type(error).__name__}")]

    def _absent(self, order: OrderState) -> list[Event]:
        """One clean read without it; the second one, late enough, proves that it never got there."""
        name, moment = f"absent:{order.client_order_id}", now()
        self.memory.note_once(name, moment, ABSENT_S)
        expiry = self.stop_expiry if order.type is OrderType.STOP else EXPIRY
        if moment - (self.memory.note_read(name) or moment) < expiry + CLOCK_ERROR:
            return []
        self.memory.note_drop(name)
        return [_answered(order, OrderStatus.REJECTED, reason="It never reached the exchange (looked up twice).")]

    def _told(self, order: OrderState, answer: dict[str, Any], trades: list[Any]) -> list[Event]:
        """Events of an answer; an end is told only together with all fills that came before it."""
        exchange_id, status = str(answer["id"]), answer.get("status")
        if status == "rejected":
            return [_answered(order, OrderStatus.REJECTED, exchange_id, "The exchange refused the order.")]
        if exact_value(answer, "filled") > max(order.filled, traded(trades)):
            trades = self._trades(order, exchange_id) or trades
        fills: list[Event] = [fill_seen(order, trade, answer) for trade in trades]
        known = order.status is OrderStatus.ACTIVE and order.exchange_order_id == exchange_id
        events = [*([] if known else [_answered(order, OrderStatus.ACTIVE, exchange_id)]), *fills]
        ended = _ended(order, answer)
        if ended is not None and max(order.filled, traded(trades)) >= exact_value(answer, "filled"):
            events.append(_answered(order, ended, exchange_id, order.reason or "Ended at the exchange."))
        return events

    def _trades(self, order: OrderState, exchange_id: str) -> list[Any]:
        try:
            return self.exchange.order_trades(order, exchange_id)
        except ExchangeStopped:
            raise
        except ExchangeError as error:
            logger.warning("the trades of %s come later: %s", order.client_order_id, error)
            return []


def fill_seen(order: OrderState, trade: dict[str, Any], answer: dict[str, Any] | None = None) -> FillSeen:
    """One execution of an order in the engine's words."""
    return fill_read(order.client_order_id, order.symbol, order.side, trade, answer or {})


def fill_read(
    client_order_id: str, symbol: str, side: Side, trade: dict[str, Any], answer: dict[str, Any] | None = None
) -> FillSeen:
    """One execution as ccxt tells it; a fee that the exchange leaves out counts as none."""
    fee = trade.get("fee") or {}
    stamp = trade.get("timestamp") or (answer or {}).get("lastUpdateTimestamp") or (answer or {}).get("timestamp")
    at = datetime.fromtimestamp(int(stamp) // 1000, UTC) + timedelta(milliseconds=int(stamp) % 1000) if stamp else now()
    base, quote = symbol.split("/")
    return FillSeen(
        at=at,
        client_order_id=client_order_id,
        trade_id=str(trade["id"]),
        price=exact_value(trade, "price"),
        amount=exact_value(trade, "amount"),
        fee=exact_of(fee.get("cost"), trade.get("info")),
        fee_currency=str(fee.get("currency") or (base if side is Side.BUY else quote)),
        maker=trade.get("takerOrMaker") == "maker",
    )


def _ended(order: OrderState, answer: dict[str, Any]) -> OrderStatus | None:
    """How an order ended that is not filled; None when it rests, or is filled (its fills say that).

    For some exchanges an order that was filled in part and then cancelled is "closed" as one that was filled is.
    """
    status, filled = str(answer.get("status")), answer.get("filled")
    if status == "closed" and filled is not None and number(filled) < order.amount:
        return OrderStatus.CANCELLED
    return CLOSED.get(status)


def _answered(order: OrderState, status: OrderStatus, exchange_id: str = "", reason: str = "") -> OrderAnswered:
    return OrderAnswered(now(), order.client_order_id, status, exchange_id, reason[:240])
