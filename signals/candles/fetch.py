"""Candles from an exchange by REST: many symbols at once, within a time limit; one that fails harms no other."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from accounts.exchanges.errors import ExchangeError, ExchangeStopped, translated
from signals.candles.matrix import CandleTable

CONCURRENT = 10
PAGE = 1000
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Want:
    """Candles of one symbol that opened from `since_ms` on."""

    symbol: str
    since_ms: int


@dataclass(slots=True)
class Fetched:
    """What came: tables by symbol, and for the symbols that did not come, why not."""

    tables: dict[str, CandleTable] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


async def candles_fetch(client: Any, *, timeframe: str, wants: list[Want], until_ms: int, timeout_s: float) -> Fetched:
    """Fetch the wanted candles that opened before `until_ms`, in batches of BATCH_SIZE, CONCURRENT at a time.

    Returns within `timeout_s` seconds: symbols that are late are reported as errors and left to the next scan.
    Raises ExchangeStopped when the exchange has barred this address.
    """
    fetched = Fetched()
    gate = asyncio.Semaphore(CONCURRENT)
    deadline = asyncio.get_running_loop().time() + timeout_s
    for first in range(0, len(wants), settings.BATCH_SIZE):
        batch = wants[first : first + settings.BATCH_SIZE]
        left = deadline - asyncio.get_running_loop().time()
        await _batch(client, timeframe, batch, until_ms, gate, max(left, 0.0), fetched)
    return fetched


async def _batch(
    client: Any, timeframe: str, wants: list[Want], until_ms: int, gate: asyncio.Semaphore, left_s: float, into: Fetched
) -> None:
    tasks = {asyncio.create_task(_one(client, timeframe, want, until_ms, gate)): want for want in wants}
    done, late = await asyncio.wait(tasks, timeout=left_s)
    for task in late:
        task.cancel()
        into.errors[tasks[task].symbol] = "No answer in time."
    await asyncio.gather(*late, return_exceptions=True)
    for task in done:
        error = task.exception()
        if error is None:
            into.tables[tasks[task].symbol] = task.result()
        elif isinstance(error, ExchangeStopped) or not isinstance(error, ExchangeError):
            raise error
        else:
            into.errors[tasks[task].symbol] = str(error)


async def _one(client: Any, timeframe: str, want: Want, until_ms: int, gate: asyncio.Semaphore) -> CandleTable:
    table = CandleTable.empty()
    since = want.since_ms
    step = client.parse_timeframe(timeframe) * 1000
    while since < until_ms:
        limit = min((until_ms - since) // step + 1, PAGE)
        async with gate:
            with translated(f"Candles of {want.symbol}"):
                rows = await client.fetch_ohlcv(want.symbol, timeframe, since, limit)
        page = CandleTable.from_rows(rows).between(since, until_ms)
        table = table.joined(page)
        if len(rows) < limit or not len(page):
            break
        since = int(page.open_time_ms[-1]) + step
    return table
