"""An exchange's clock, as seen from here: it decides when a candle has closed."""

import asyncio

from accounts.clock import now_ms
from accounts.exchanges.errors import translated

EVERY_S = 600.0
SAMPLES, GOOD_MS = 4, 200


class ExchangeClock:
    """A lower bound of the exchange's time; our own until it was asked."""

    def __init__(self, exchange: str) -> None:
        self.exchange, self.offset_ms = exchange, 0

    def ms(self) -> int:
        """The exchange's time in milliseconds since the epoch: at most a little behind it, never ahead."""
        return now_ms() + self.offset_ms

    async def sync(self) -> None:
        """Ask the exchange. What is kept is its answer against our clock when the answer arrived, the best of a few:
        a slow answer makes a candle close late, never early. Raises ExchangeError.
        """
        from accounts.exchanges.factory import public_client

        client, bounds = public_client(self.exchange), []
        for _ in range(SAMPLES):
            asked = now_ms()
            with translated(f"Asking {self.exchange} for its time"):
                theirs = int(await client.fetch_time())
            arrived = now_ms()
            bounds.append(theirs - arrived)
            if arrived - asked <= GOOD_MS:
                break
        self.offset_ms = max(bounds)

    async def keep(self) -> None:
        """Ask again every ten minutes, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.sync()
