"""What a user stream tells of balances: a second bell beside that of orders, and no source of truth either.

Nothing is booked from a message. Once what was told has settled it is held against the balances of our ledger; where
they differ the account is compared with its exchange by REST (`trading.turn.check`), which books what it confirms.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from time import monotonic
from typing import Any

from django.db import close_old_connections

from accounts.exchanges.error_map import answered
from accounts.exchanges.factory import orders_watched
from accounts.scrub import scrub
from trading.brokers.answers import number
from trading.services.reconciliation import balances_told

logger = logging.getLogger(__name__)
SETTLE_S = 6.0  # our own fills move balances, too: so long after the last change they are accounted
EVERY_S = 60.0  # between two comparisons: a stream that lies or never rests costs no more than one a minute
APART_S = 900.0  # the account is compared in turn as often; so long a stream that balances broke carries orders only
BREAKS = 3  # in a row, before balances were ever told: what broke the stream may be that they were asked for
READY_S = 0.1


class BalanceBell:
    """One account's, over all connections of its stream. `ring(account_id)` wakes the account."""

    def __init__(self, account_id: int, ring: Callable[[int], None]) -> None:
        self.account_id, self.ring = account_id, ring
        self.broke, self.blamed = 0, False  # blamed: the connection that ended last ended for these balances
        self._seen: dict[str, Any] = {}  # what was told last, by currency
        self._told: dict[str, Decimal | None] = {}  # of that, what was not yet held against the ledger
        self._newest: Any = None
        self._look_at: float | None = None
        self._ask_from = self._apart_until = 0.0
        self._said = False

    @asynccontextmanager
    async def beside(self, client: Any) -> AsyncIterator[None]:
        """Listen while the orders of this connection are watched inside."""
        listening = asyncio.create_task(self._listen(client))
        try:
            yield
        finally:
            listening.cancel()
            await asyncio.wait({listening})

    async def _listen(self, client: Any) -> None:
        self.blamed = False
        if monotonic() < self._apart_until:
            return
        while not orders_watched(client):  # they come first: logged in, and never kept from being watched
            await asyncio.sleep(READY_S)
        waiting = asyncio.ensure_future(client.watch_balance())
        try:
            while not waiting.done() or waiting.exception() is None:
                if waiting.done():
                    self.note(waiting.result())
                    waiting = asyncio.ensure_future(client.watch_balance())
                    # What came before it waits again, ccxt has only written into the record that it gave.
                    await asyncio.wait({waiting}, timeout=READY_S)
                    self.note(self._newest)
                await self._look()
                await asyncio.wait({waiting}, timeout=self._rest())
        finally:
            waiting.cancel()
            if waiting.done() and not waiting.cancelled() and (error := waiting.exception()) is not None:
                self._failed(error)

    def note(self, balance: Any) -> None:
        """Note what ccxt read of a message; whatever is no total counts as one that is not known."""
        self.broke, self._newest = 0, balance
        totals = balance.get("total") if isinstance(balance, dict) else None
        for name, total in totals.items() if isinstance(totals, dict) else ():
            mark = repr(balance.get(name)) if total is None else total  # an amount that came, without what it came to
            if self._seen.get(name) != mark:
                self._seen[name], self._told[name] = mark, _amount(total)
                self._look_at = monotonic() + SETTLE_S

    def _rest(self) -> float | None:
        return None if self._look_at is None else max(self._look_at - monotonic(), 0.0)

    async def _look(self) -> None:
        if self._rest() != 0.0:
            return
        if monotonic() < self._ask_from:
            self._look_at = self._ask_from
            return
        asked = await asyncio.to_thread(self._compare, dict(self._told))
        if asked is None:
            self._look_at = monotonic() + SETTLE_S
            return
        self._told, self._look_at = {}, None
        if asked:
            self._ask_from = monotonic() + EVERY_S

    def _compare(self, told: dict[str, Decimal | None]) -> bool | None:
        """As `balances_told`, which rings when it asks; None, too, while that cannot be stored."""
        close_old_connections()
        try:
            asked = balances_told(account_id=self.account_id, totals=told)
            if asked:
                self.ring(self.account_id)
        except Exception as error:
            logger.warning("balances told of account %s cannot be compared: %s", self.account_id, str(error).strip())
            return None
        finally:
            close_old_connections()
        return asked

    def _failed(self, error: BaseException) -> None:
        """Refused, or the whole connection broke: that of the orders must not break for it again and again."""
        self.broke += 1
        if not answered(error) and self.broke < BREAKS:
            return
        self.broke, self.blamed, self._apart_until = 0, True, monotonic() + APART_S
        if not self._said:
            self._said = True
            words = "account %s: its user stream does not tell balances (%s); they are compared in turn instead."
            logger.warning(words, self.account_id, scrub(f"{type(error).__name__}: {error}")[:200])


def _amount(total: Any) -> Decimal | None:
    """A total that can be one; None for anything else."""
    try:
        amount = number(total)
    except ArithmeticError:
        return None
    return amount if total is not None and amount.is_finite() and amount >= 0 else None
