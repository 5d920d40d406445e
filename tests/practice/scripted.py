"""A practice exchange on a socket of the test's own process, and an unmodified ccxt for it."""

from decimal import Decimal

import ccxt.async_support

from tests.practice.clients import TOKEN, client
from trading.practice.orders import Order
from trading.practice.server import Server

KEY = "fault-key"
ADMIN = {"X-Practice-Admin": TOKEN}


class Scripted:
    """The server, its one account, and the client."""

    def __init__(self, server: Server, url: str) -> None:
        self.server, self.url = server, url
        self.account = server.exchange.account_put(
            KEY, KEY[::-1], frozenset({"spot", "read"}), {"USDT": Decimal(10**6)}
        )
        self.ccxt = client(ccxt.async_support.binance, url, KEY, timeout=400)

    def script(self, *faults, seed: int = 0) -> None:
        self.server.faults.set(list(faults), seed)

    async def buy(self, client_id: str, symbol: str = "AAA/USDT") -> dict | None:
        """A resting order; None where ccxt raised."""
        params = {"newClientOrderId": client_id, "recvWindow": 60_000}
        try:
            return await self.ccxt.create_order(symbol, "limit", "buy", 0.01, 10_000, params)
        except ccxt.BaseError:
            return None

    @property
    def orders(self) -> list[str]:
        return [order.client_id for order in self.server.exchange.store.select(Order, "1 ORDER BY id")]
