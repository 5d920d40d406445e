"""Real orders at an exchange (live, testnet, practice) through ccxt. Implements `trading.brokers.port.Broker`.

Rules: an order is sent once. Whatever is not a clear answer leaves it UNKNOWN until it is looked up. It counts as
absent only after two clean reads of all lists, further apart than a request of ours can live at the exchange
(`EXPIRY` and `CLOCK_ERROR`); only then is it REJECTED, and the engine may try again under another id.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db import connection

from accounts.clock import now
from accounts.exchanges.errors import ExchangeError, ExchangeNotFound, ExchangeRefused, ExchangeStopped
from accounts.exchanges.loop import run
from accounts.models import ExchangeAccount
from trading.brokers import live_calls as calls
from trading.domain.money import exact
from trading.domain.types import Event, FillSeen, InstrumentSpec, OrderAnswered, OrderState, OrderStatus, StopLevel
from trading.models import Bot, Order
from trading.selectors.stops import stop_level_for

logger = logging.getLogger(__name__)
EXPIRY = timedelta(seconds=10)  # ccxt's recvWindow: a request older than this is refused by the exchange
CLOCK_ERROR = timedelta(seconds=2)
STOP_AGE_S = 0.4  # an order that waited longer asks once more whether a stop is in force
WAIT_FACTOR = 4  # a call may load markets, wait for its turn in the budget, and follow up
CLOSED = {"canceled": OrderStatus.CANCELLED, "expired": OrderStatus.EXPIRED}
T = TypeVar("T")


class LiveBroker:
    """The broker of one account at its exchange."""

    def __init__(self, account: ExchangeAccount) -> None:
        self.account = account

    def submit(self, order: OrderState, instrument: InstrumentSpec) -> list[Event]:
        """Send a new order; its answer, with the fills that came along."""
        try:
            answer = _wait(calls.order_create(self.account, order, _stop_check(order)))
            return self._told(order, answer, list(answer.get("trades") or []))
        except ExchangeStopped:
            raise
        except ExchangeRefused as error:
            return [_answered(order, OrderStatus.REJECTED, reason=str(error))]
        except ExchangeError as error:
            return [_answered(order, OrderStatus.UNKNOWN, reason=str(error))]
        except Exception as error:
            logger.exception("the answer to order %s is unreadable", order.client_order_id)
            return [_answered(order, OrderStatus.UNKNOWN, reason=f"Unreadable answer: {type(error).__name__}")]

    def cancel(self, order: OrderState, instrument: InstrumentSpec) -> list[Event]:
        """Ask for a cancel, then look what became of the order: fills may have been faster."""
        try:
            _wait(calls.order_cancel(self.account, order, self._exchange_id(order)))
        except ExchangeStopped:
            raise
        except ExchangeRefused:
            logger.info("order %s could not be cancelled; looking at it", order.client_order_id)
        except ExchangeError as error:
            logger.warning("the cancel of %s is unclear: %s", order.client_order_id, error)
        return self.look(order)

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
            answer, trades = _wait(calls.order_look(self.account, order, self._exchange_id(order)))
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
        key, moment = f"trading:absent:{order.client_order_id}", now()
        cache.add(key, moment, timeout=3600)
        if moment - cache.get(key, moment) < EXPIRY + CLOCK_ERROR:
            return []
        cache.delete(key)
        return [_answered(order, OrderStatus.REJECTED, reason="It never reached the exchange (looked up twice).")]

    def _told(self, order: OrderState, answer: dict[str, Any], trades: list[Any]) -> list[Event]:
        """Events of an answer; an end is told only together with all fills that came before it."""
        cache.delete(f"trading:absent:{order.client_order_id}")
        exchange_id, status = str(answer["id"]), answer.get("status")
        if status == "rejected":
            return [_answered(order, OrderStatus.REJECTED, exchange_id, "The exchange refused the order.")]
        if calls.number(answer.get("filled")) > max(order.filled, _sum(trades)):
            trades = self._trades(order, exchange_id) or trades
        fills: list[Event] = [fill_seen(order, trade, answer) for trade in trades]
        events: list[Event] = [_answered(order, OrderStatus.ACTIVE, exchange_id), *fills]
        if status in CLOSED and _sum(trades) >= calls.number(answer.get("filled")):
            events.append(_answered(order, CLOSED[status], exchange_id, order.reason or "Ended at the exchange."))
        return events

    def _trades(self, order: OrderState, exchange_id: str) -> list[Any]:
        async def ask() -> list[Any]:
            client = await calls.client_ready(self.account)
            return await calls.order_trades(client, exchange_id, order)

        try:
            return _wait(ask())
        except ExchangeStopped:
            raise
        except ExchangeError as error:
            logger.warning("the trades of %s come later: %s", order.client_order_id, error)
            return []

    def _exchange_id(self, order: OrderState) -> str:
        rows = Order.objects.filter(client_order_id=order.client_order_id)
        return rows.values_list("exchange_order_id", flat=True).first() or ""


def _stop_check(order: OrderState) -> calls.Check | None:
    """Entries that waited for their turn are held back by a stop that came into force meanwhile; exits never are."""
    began = time.monotonic()

    async def check() -> None:
        if time.monotonic() - began > STOP_AGE_S and await asyncio.to_thread(_stopped, order.bot_id):
            raise ExchangeRefused("A stop came into force before the order was sent.")

    return check if order.purpose.is_entry else None


def _stopped(bot_id: UUID) -> bool:
    try:
        bot = Bot.objects.select_related("account", "user", "config__strategy").get(public_id=bot_id)
        return stop_level_for(bot) >= StopLevel.NO_NEW_ENTRIES
    finally:
        connection.close()  # this thread's own


def fill_seen(order: OrderState, trade: dict[str, Any], answer: dict[str, Any] | None = None) -> FillSeen:
    """One execution in the engine's words; a fee that the exchange leaves out counts as none."""
    fee = trade.get("fee") or {}
    stamp = trade.get("timestamp") or (answer or {}).get("lastUpdateTimestamp") or (answer or {}).get("timestamp")
    at = datetime.fromtimestamp(int(stamp) // 1000, UTC) + timedelta(milliseconds=int(stamp) % 1000) if stamp else now()
    base, quote = order.symbol.split("/")
    return FillSeen(
        at=at,
        client_order_id=order.client_order_id,
        trade_id=str(trade["id"]),
        price=calls.exact(trade, "price"),
        amount=calls.exact(trade, "amount"),
        fee=calls.exact_of(fee.get("cost"), trade.get("info")),
        fee_currency=str(fee.get("currency") or (base if order.side == "buy" else quote)),
        maker=trade.get("takerOrMaker") == "maker",
    )


@exact
def _sum(trades: list[Any]) -> Decimal:
    return sum((calls.exact(trade, "amount") for trade in trades), Decimal(0))


def _answered(order: OrderState, status: OrderStatus, exchange_id: str = "", reason: str = "") -> OrderAnswered:
    return OrderAnswered(now(), order.client_order_id, status, exchange_id, reason[:240])


def _wait(coroutine: Coroutine[Any, Any, T]) -> T:
    return run(coroutine, timeout_s=settings.XRAY_EXCHANGE_TIMEOUT_S * WAIT_FACTOR)
