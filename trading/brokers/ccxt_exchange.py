"""One account at its exchange through ccxt. Implements `trading.turn.ports.Exchange` for synchronous callers."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from concurrent.futures import Future
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection

from accounts.exchanges.errors import readable
from accounts.exchanges.loop import begin, result
from accounts.models import ExchangeAccount
from trading.brokers import live_calls as calls
from trading.domain.types import Event, OrderState
from trading.runner import Request
from trading.turn.ports import Answer, Leaving

AT_ONCE = 4  # requests of one account that are under way together
WAIT_FACTOR = 4  # a call may load markets, wait for its turn in the budget, and follow up
T = TypeVar("T")


class CcxtExchange:
    """The requests of one account in one turn, each waited for on the background loop."""

    def __init__(self, account: ExchangeAccount) -> None:
        self.account = account
        self._ahead: dict[tuple[str, str], Future[Any]] = {}  # requests that left before anybody waits for them

    def order_create(self, order: OrderState, leaving: Leaving) -> Answer:
        """Send an order once."""
        self.order_create_ahead(order, leaving)
        return _answer(self._ahead.pop(("create", order.client_order_id)))

    def order_create_ahead(self, order: OrderState, leaving: Leaving) -> None:
        """Begin it, unless it has begun."""
        name = "create", order.client_order_id
        if name not in self._ahead:
            self._ahead[name] = begin(_read(calls.order_create(self.account, order, _check(leaving, order))))

    def order_cancel(self, order: OrderState) -> None:
        """Ask for its cancel."""
        self.order_cancel_ahead(order)
        _answer(self._ahead.pop(("cancel", order.client_order_id)))

    def order_cancel_ahead(self, order: OrderState) -> None:
        """Begin it, unless it has begun."""
        name = "cancel", order.client_order_id
        if name not in self._ahead:
            self._ahead[name] = begin(_read(calls.order_cancel(self.account, order)))

    def order_look(self, order: OrderState) -> tuple[Answer, list[Answer]]:
        """The order and its trades."""
        return _wait(calls.order_look(self.account, order))

    def order_trades(self, order: OrderState, exchange_order_id: str) -> list[Answer]:
        """All executions of one order."""

        async def ask() -> list[Any]:
            return await calls.order_trades(await calls.client_ready(self.account), exchange_order_id, order)

        return _wait(ask())

    def trades_since(self, symbol: str, since: datetime) -> list[Answer]:
        """The account's own executions in one symbol."""
        return _wait(calls.trades_since(self.account, symbol, int(since.timestamp() * 1000)))

    def orders_open(self, symbols: Sequence[str]) -> list[Answer]:
        """What rests in these symbols, whoever ordered it."""
        return _wait(calls.orders_open(self.account, symbols))

    def balances(self) -> dict[str, Decimal]:
        """Totals per currency."""
        return _wait(calls.balances_read(self.account))


def side_by_side(requests: Sequence[Request]) -> Iterable[list[Event]]:
    """The answers to several requests of one account (see `trading.runner.Runner`), a few under way at once."""
    failed: BaseException | None = None
    ahead = 0
    for number, request in enumerate(requests):
        while ahead < min(number + AT_ONCE, len(requests)):
            requests[ahead].ahead()
            ahead += 1
        try:
            yield request.answer()
        except Exception as error:
            failed = failed or error
    if failed is not None:
        raise failed


def _wait(coroutine: Coroutine[Any, Any, T]) -> T:
    return _answer(begin(_read(coroutine)))


def _answer(future: Future[T]) -> T:
    _give_back()
    return result(future, timeout_s=settings.XRAY_EXCHANGE_TIMEOUT_S * WAIT_FACTOR)


async def _read(coroutine: Coroutine[Any, Any, T]) -> T:
    with readable():
        return await coroutine


def _give_back() -> None:
    """This thread's connection goes back to its pool: a worker has more threads that wait than connections."""
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        connection.close()


def _check(leaving: Leaving, order: OrderState) -> calls.Check:
    def ask() -> None:
        try:
            leaving(order)
        finally:
            connection.close()  # this thread's own

    async def check() -> None:
        if not leaving.known(order):
            await asyncio.to_thread(ask)

    return check
