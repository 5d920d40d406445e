"""One account at its exchange through ccxt. Implements `trading.turn.ports.Exchange` for synchronous callers."""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection

from accounts.exchanges.loop import run
from accounts.models import ExchangeAccount
from trading.brokers import live_calls as calls
from trading.domain.types import OrderState
from trading.turn.ports import Answer, Leaving

WAIT_FACTOR = 4  # a call may load markets, wait for its turn in the budget, and follow up
T = TypeVar("T")


class CcxtExchange:
    """The requests of one account, each waited for on the background loop."""

    def __init__(self, account: ExchangeAccount) -> None:
        self.account = account

    def order_create(self, order: OrderState, leaving: Leaving) -> Answer:
        """Send an order once."""
        return _wait(calls.order_create(self.account, order, _check(leaving, order)))

    def order_cancel(self, order: OrderState) -> None:
        """Ask for its cancel."""
        _wait(calls.order_cancel(self.account, order))

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


def _wait(coroutine: Coroutine[Any, Any, T]) -> T:
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        connection.close()  # back to its pool: a worker has more threads that wait for exchanges than connections
    return run(coroutine, timeout_s=settings.XRAY_EXCHANGE_TIMEOUT_S * WAIT_FACTOR)


def _check(leaving: Leaving, order: OrderState) -> calls.Check:
    def ask() -> None:
        try:
            leaving(order)
        finally:
            connection.close()  # this thread's own

    async def check() -> None:
        await asyncio.to_thread(ask)

    return check
