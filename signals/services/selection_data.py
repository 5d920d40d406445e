"""What the selection needs to know: tickers and candles, stored ones first, the rest asked within the budget."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accounts.clock import now_ms
from accounts.exchanges.errors import ExchangeRetry, translated
from signals.candles.fetch import Fetched, candles_fetch
from signals.candles.fetch import Want as Range
from signals.candles.fold import table_folded
from signals.candles.matrix import CandleTable
from signals.candles.store import history_read
from signals.domain.selection.base import NAN, Candidate, Want
from signals.domain.timeframes import TIMEFRAMES, last_closed_ms, open_ms, timeframe_ms
from signals.models import CandleSeries, Instrument
from signals.selection_files import Known, known_read, known_write, tickers_read, tickers_write
from signals.services.markets import exchange_ask

CLOSE_GRACE_MS = 2000
FETCH_TIMEOUT_S = 120.0
PREVIEW_TIMEOUT_S = 20.0  # a person waits; what did not come is there at the next look
MOST_KEPT = 1000  # candles of a symbol and timeframe
FRESH_MS = 60_000  # tickers younger than this are not asked for again by a preview
FIELDS = ("bid", "ask", "last", "high", "low", "quoteVolume")


@dataclass(frozen=True, slots=True)
class Tickers:
    """Tickers by symbol, when they were fetched, and what is wrong with them (in words, or nothing)."""

    by_symbol: Mapping[str, Mapping[str, Any]]
    at_ms: int
    problem: str = ""


def tickers_fetch(*, exchange: str) -> Tickers:
    """All tickers, asked for now. Raises ExchangeRetry when the exchange could not be reached."""
    raw = exchange_ask(_tickers(exchange), f"The tickers of {exchange}")
    kept = {symbol: {name: number(ticker.get(name)) for name in FIELDS} for symbol, ticker in raw.items()}
    known = {symbol: {name: value for name, value in one.items() if value == value} for symbol, one in kept.items()}
    at_ms = now_ms()
    tickers_write(exchange, at_ms, known)
    return Tickers(known, at_ms)


def tickers_recent(*, exchange: str, fetch: bool = True) -> Tickers:
    """Kept tickers when they are young (or nothing may be fetched), else fresh ones, else the kept ones and why."""
    at_ms, kept = tickers_read(exchange)
    if at_ms and abs(now_ms() - at_ms) < FRESH_MS:
        return Tickers(kept, at_ms)
    problem = "" if kept else f"No tickers of {exchange} are stored."
    if fetch:
        try:
            return tickers_fetch(exchange=exchange)
        except ExchangeRetry as error:
            problem = f"{error} The tickers stored last are used."
    return Tickers(kept, at_ms, problem)


def candidate_of(row: Instrument, ticker: Mapping[str, Any], trouble: str) -> Candidate:
    """An instrument with its ticker as the filters see it."""
    bid, ask = number(ticker.get("bid")), number(ticker.get("ask"))
    return Candidate(
        symbol=row.symbol, base=row.base, quote=row.quote, active=row.active, state=row.state, trouble=trouble,
        listed_ms=None if row.listed_at is None else open_ms(row.listed_at),
        delist_ms=None if row.delist_at is None else open_ms(row.delist_at),
        tick=float(row.tick_size), last=number(ticker.get("last")), volume=number(ticker.get("quoteVolume")),
        spread=(ask - bid) / ((ask + bid) / 2) if ask >= bid > 0.0 else NAN,
        high=number(ticker.get("high")), low=number(ticker.get("low")),
    )  # fmt: skip


def number(value: Any) -> float:
    """A number that an exchange states, NaN when it is none."""
    try:
        given = float(value)
    except (TypeError, ValueError, OverflowError):
        return NAN
    return given if math.isfinite(given) else NAN


class CandleSource:
    """Candles for one run of the chain: from the scan's store, from the selection's own files, then by REST.

    `problems` gathers in words what could not be had; with a time-out of 0 the exchange is not asked.
    """

    def __init__(self, exchange: str, *, timeout_s: float = FETCH_TIMEOUT_S) -> None:
        self.exchange, self.timeout_s = exchange, timeout_s
        self.problems: list[str] = []

    def __call__(self, symbols: Sequence[str], want: Want) -> dict[str, CandleTable]:
        """The newest `want.count` closed candles of each symbol, as far as they can be had."""
        step = timeframe_ms(want.timeframe)
        until = last_closed_ms(now_ms(), want.timeframe, CLOSE_GRACE_MS) + step
        since = until - want.count * step
        known = known_read(self.exchange, want.timeframe)
        lacking = [one for one in symbols if one not in known or not known[one].covers(since, until)]
        known |= self._stored(lacking, want.timeframe, since, until, known)
        lacking = [one for one in lacking if one not in known or not known[one].covers(since, until)]
        if lacking and self.timeout_s:
            self._ask(lacking, want.timeframe, since, until, known)
        return {one: known[one].table.between(since, until) for one in symbols if one in known}

    def _stored(
        self, symbols: list[str], timeframe: str, since: int, until: int, known: Mapping[str, Known]
    ) -> dict[str, Known]:
        """What the scan's store has from `since` on, of a timeframe that the wanted one is a multiple of."""
        if not symbols:
            return {}
        found = {}
        for row in self._series(symbols, timeframe):
            symbol = row.instrument.symbol
            if symbol in found or row.first_open is None or open_ms(row.first_open) > since:
                continue
            table = history_read(
                exchange=self.exchange, symbol=symbol, timeframe=row.timeframe, since_ms=since, until_ms=until
            )
            whole = table_folded(table, timeframe_ms(row.timeframe), timeframe_ms(timeframe))
            if len(whole) and (symbol not in known or known[symbol].until_ms <= int(whole.open_time_ms[-1])):
                end = int(whole.open_time_ms[-1]) + timeframe_ms(timeframe)
                found[symbol] = Known(since, end, whole)
        return found

    def _series(self, symbols: list[str], timeframe: str) -> list[CandleSeries]:
        """Manifest rows that may serve, the longest timeframe first."""
        fits = [name for name, length in TIMEFRAMES.items() if timeframe_ms(timeframe) % length == 0]
        rows = CandleSeries.objects.filter(
            instrument__exchange=self.exchange, instrument__symbol__in=symbols, timeframe__in=fits
        )
        return sorted(rows.select_related("instrument"), key=lambda row: -TIMEFRAMES[row.timeframe])

    def _ask(self, symbols: list[str], timeframe: str, since: int, until: int, known: dict[str, Known]) -> None:
        """Fetch what is missing (only the new end where the beginning is known) and keep it."""
        begun = {one: known[one] for one in symbols if one in known and known[one].since_ms <= since}
        wants = [Range(one, max(begun[one].until_ms, since) if one in begun else since) for one in symbols]
        try:
            fetched = exchange_ask(
                _fetch(self.exchange, timeframe, wants, until, self.timeout_s),
                f"The {timeframe} candles of {self.exchange}", self.timeout_s + 30.0,
            )  # fmt: skip
        except ExchangeRetry as error:
            self.problems.append(str(error))
            return
        for symbol, table in fetched.tables.items():
            old = begun.get(symbol, Known(since, since, CandleTable.empty()))
            oldest = max(old.since_ms, until - MOST_KEPT * timeframe_ms(timeframe))
            known[symbol] = Known(oldest, until, old.table.joined(table).between(oldest, until))
        for symbol, why in sorted(fetched.errors.items())[:3]:
            self.problems.append(f"{symbol} {timeframe}: {why}")
        known_write(self.exchange, timeframe, known)


async def _tickers(exchange: str) -> dict[str, dict[str, Any]]:
    from accounts.exchanges.factory import public_client

    with translated(f"Loading the tickers of {exchange}"):
        return await public_client(exchange).fetch_tickers()


async def _fetch(exchange: str, timeframe: str, wants: list[Range], until_ms: int, timeout_s: float) -> Fetched:
    from accounts.exchanges.factory import public_client

    client = public_client(exchange)
    return await candles_fetch(client, timeframe=timeframe, wants=wants, until_ms=until_ms, timeout_s=timeout_s)
