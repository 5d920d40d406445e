"""Candle history by REST: only what is missing, page by page, each page stored before the next one is asked for.

Whatever stops it (Ctrl-C, a kill, a ban), the next call goes on from what is stored. What the exchange answered
cleanly that it does not have is remembered, so that it is not asked for again.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from accounts.clock import now_ms
from accounts.exchanges import loop
from accounts.exchanges.errors import (
    ExchangeAmbiguous,
    ExchangeError,
    ExchangeRetry,
    ExchangeStopped,
    translated,
)
from signals.candles.cleaning import problems_of
from signals.candles.holes import Range, candles_in, holes_of
from signals.candles.matrix import CandleTable
from signals.candles.store import CandleFileDamaged
from signals.domain.timeframes import last_closed_ms, open_ms, timeframe_ms
from signals.models import CandleHole, CandleSeries, Instrument
from signals.selectors import holes_known
from signals.services.markets import markets_load
from signals.services.series import holes_mark, series_store, series_times

PAGE = 1000
CONCURRENT = 10
ROUND_TIMEOUT_S = 900.0
TRIES = 6
BACKOFF_S = (1.0, 60.0)
SETTLED_MS = 3_600_000  # a hole younger than this may be a hiccup of the exchange: it is not remembered
CLOSE_GRACE_MS = 2000
FIRST_CANDLES = 1000  # without `since`, and with nothing stored


@dataclass(slots=True)
class FetchJob:
    """One symbol: the ranges [since, until) still to be asked for, and what has come so far."""

    symbol: str
    timeframe: str
    instrument: Instrument | None = None
    ranges: list[Range] = field(default_factory=list)
    wanted: int = 0
    pages: int = 0
    added: int = 0
    corrected: int = 0
    absent: int = 0
    dropped: int = 0
    error: str = ""

    @property
    def left(self) -> int:
        """Candles that are still to be asked for."""
        return candles_in(self.ranges, timeframe_ms(self.timeframe))

    @property
    def status(self) -> str:
        """fetched, unchanged, or failed."""
        return "failed" if self.error else "fetched" if self.added or self.corrected else "unchanged"


Progress = Callable[[FetchJob], None]


def fetch_plan(
    *, exchange: str, timeframe: str, symbols: Sequence[str], since_ms: int | None, until_ms: int | None
) -> list[FetchJob]:
    """What is missing of each symbol in [since_ms, until_ms), at most to the last candle that has closed by the
    exchange's clock. Without `since_ms`: from the last stored candle on, or the newest 1000.

    Raises ExchangeError when the exchange cannot be asked for its time or its markets.
    """
    known = {one.symbol: one for one in Instrument.objects.filter(exchange=exchange, symbol__in=symbols)}
    if any(symbol not in known or not known[symbol].active for symbol in symbols):
        markets_load(exchange=exchange)
        known = {one.symbol: one for one in Instrument.objects.filter(exchange=exchange, symbol__in=symbols)}
    step = timeframe_ms(timeframe)
    closed = last_closed_ms(exchange_ms(exchange), timeframe, CLOSE_GRACE_MS) + step
    stop = closed if until_ms is None else min(-(-until_ms // step) * step, closed)
    return [_planned(known.get(symbol), symbol, timeframe, since_ms, stop, exchange) for symbol in symbols]


def candles_fetch_run(*, exchange: str, jobs: Sequence[FetchJob], progress: Progress = lambda _job: None) -> None:
    """Work off the jobs, a page of up to ten symbols at a time; `progress` is called after each page.

    A symbol that fails keeps its words in `error` and harms no other. Raises ExchangeStopped when the exchange has
    barred this address; everything that came before is stored.
    """
    while round_ := [job for job in jobs if job.ranges and not job.error][:CONCURRENT]:
        answers = loop.run(_pages(exchange, round_), timeout_s=ROUND_TIMEOUT_S)
        for job, answer in zip(round_, answers, strict=True):
            if isinstance(answer, ExchangeStopped):
                raise answer
            if isinstance(answer, ExchangeError):
                job.error = str(answer)
            else:
                _page_store(job, answer)
            progress(job)


def holes_refetch(instrument: Instrument, timeframe: str, ranges: list[Range]) -> str:
    """Ask for these ranges again; returns why that failed, or nothing."""
    job = FetchJob(instrument.symbol, timeframe, instrument, list(ranges))
    try:
        if not instrument.active:
            markets_load(exchange=instrument.exchange)
        candles_fetch_run(exchange=instrument.exchange, jobs=[job])
    except ExchangeError as error:
        return str(error)
    return job.error


def exchange_ms(exchange: str) -> int:
    """The exchange's own time (never ahead of it), so that no running candle is taken for a closed one."""
    from signals.exchange_clock import ExchangeClock

    clock = ExchangeClock(exchange)
    loop.run(clock.sync(), timeout_s=60.0)
    return clock.ms()


def _planned(
    instrument: Instrument | None, symbol: str, timeframe: str, since_ms: int | None, stop: int, exchange: str
) -> FetchJob:
    job, step = FetchJob(symbol, timeframe, instrument), timeframe_ms(timeframe)
    if instrument is None:
        job.error = f"{exchange} lists no {symbol}."
        return job
    series = CandleSeries.objects.filter(instrument=instrument, timeframe=timeframe).first()
    since = _since(series, since_ms, stop, step)
    try:
        times = series_times(exchange, symbol, timeframe)
    except CandleFileDamaged as error:
        job.error = str(error)
        return job
    job.ranges = holes_of(times, since, stop, step, holes_known(series) if series else ())
    job.wanted = job.left
    return job


def _since(series: CandleSeries | None, since_ms: int | None, stop: int, step: int) -> int:
    if since_ms is not None:
        return -(-since_ms // step) * step
    if series is not None and series.last_open is not None:
        return open_ms(series.last_open) + step
    return stop - FIRST_CANDLES * step


async def _pages(exchange: str, jobs: Sequence[FetchJob]) -> list[list[list[float]] | ExchangeError]:
    from accounts.exchanges.factory import public_client

    client = public_client(exchange)
    return await asyncio.gather(*(_page(client, job) for job in jobs))


async def _page(client: object, job: FetchJob) -> list[list[float]] | ExchangeError:
    """The rows of the job's next page, or the error after the last try."""
    since, limit = job.ranges[0][0], _limit(job)
    for attempt in range(TRIES):
        try:
            with translated(f"Candles of {job.symbol}"):
                return list(await client.fetch_ohlcv(job.symbol, job.timeframe, since, limit))  # type: ignore[attr-defined]
        except (ExchangeRetry, ExchangeAmbiguous) as error:
            if attempt == TRIES - 1:
                return error
            await asyncio.sleep(max(backoff_s(attempt), error.retry_after_s or 0.0))
        except ExchangeError as error:
            return error
    raise AssertionError("unreachable")


def backoff_s(attempt: int) -> float:
    """Seconds to wait before the next try: doubled each time, bounded, with jitter."""
    first, most = BACKOFF_S
    return min(first * 2**attempt, most) * random.uniform(0.75, 1.25)


def _limit(job: FetchJob) -> int:
    since, stop = job.ranges[0]
    return min((stop - since) // timeframe_ms(job.timeframe), PAGE)


def _page_store(job: FetchJob, rows: list[list[float]]) -> None:
    """Store a page, note what it proves absent, and go on behind it. An empty page proves its own span empty only."""
    assert job.instrument is not None
    step, (since, stop) = timeframe_ms(job.timeframe), job.ranges[0]
    page = CandleTable.from_rows(rows).between(since, stop)
    reached = int(page.open_time_ms[-1]) + step if len(page) else min(since + _limit(job) * step, stop)
    if len(page) == 0 and rows and min(int(row[0]) for row in rows) >= stop:
        reached = stop  # the exchange begins later than everything that is wanted here
    bad = np.logical_or.reduce(list(problems_of(page, step, stop + step).values()))
    try:
        written = series_store(instrument=job.instrument, timeframe=job.timeframe, table=page.where(~bad))
    except CandleFileDamaged as error:
        job.error = str(error)
        return
    _absent_note(job, page, since, reached)
    job.pages, job.dropped = job.pages + 1, job.dropped + int(bad.sum())
    job.added, job.corrected = job.added + written.added, job.corrected + written.corrected
    job.ranges[0] = (reached, stop)
    job.ranges = job.ranges if reached < stop else job.ranges[1:]


def _absent_note(job: FetchJob, page: CandleTable, since: int, reached: int) -> None:
    step = timeframe_ms(job.timeframe)
    settled = min(reached, (now_ms() - SETTLED_MS) // step * step)
    absent = holes_of(page.open_time_ms, since, settled, step)
    if not absent or job.instrument is None:
        return
    series = CandleSeries.objects.filter(instrument=job.instrument, timeframe=job.timeframe).first()
    begins = open_ms(series.first_open) if series is not None and series.first_open is not None else reached
    for reason, ranges in (
        (CandleHole.Reason.UNLISTED, [one for one in absent if one[1] <= begins]),
        (CandleHole.Reason.ABSENT, [one for one in absent if one[1] > begins]),
    ):
        job.absent += holes_mark(instrument=job.instrument, timeframe=job.timeframe, ranges=ranges, reason=reason)


def symbols_of(exchange: str, symbols: Iterable[str]) -> list[str]:
    """The symbols as they were named, or those in the scan, or all that the exchange trades now."""
    from signals.selectors import symbols_selected

    chosen = list(dict.fromkeys(symbols)) or symbols_selected(exchange=exchange)
    return chosen or list(Instrument.objects.filter(exchange=exchange, active=True).values_list("symbol", flat=True))
