"""The public market: one object that answers every question about prices, volumes and books at a time.

A source (``market_synthetic``, ``market_replay``) gives a ``MarketData``; everything else here is a pure function of
that, the speed and the time asked for.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from trading.practice.book import Book, BookMaker
from trading.practice.errors import bad_symbol
from trading.practice.klines import INTERVALS, Bars, KlineMaker
from trading.practice.symbols import Listing
from trading.practice.tape import ANCHOR_MS, Mapping, Series, Tape

DAY_MS = 86_400_000


@dataclass(frozen=True)
class Instrument:
    """What a source knows of one pair; ``spread`` is a fraction of the price."""

    listing: Listing
    series: Series
    spread: float


@dataclass(frozen=True)
class MarketData:
    """A source's whole market: candles of ``step_ms``, all instruments equally long; ``name`` tells sources apart."""

    name: str
    step_ms: int
    instruments: list[Instrument]


class Prints(NamedTuple):
    """Trades in time order (int64 arrays): slot numbers, real ms, ticks, lots, and whether the taker bought (bool)."""

    slots: np.ndarray
    times: np.ndarray
    ticks: np.ndarray
    lots: np.ndarray
    buys: np.ndarray


class Candle(NamedTuple):
    """A kline: [open_ms, close_ms), prices in ticks, volume in lots, number of trades."""

    open_ms: int
    close_ms: int
    open: int
    high: int
    low: int
    close: int
    lots: int
    trades: int


class Market:
    """The practice market at a fixed speed."""

    def __init__(self, data: MarketData, speed: Fraction) -> None:
        self.name, self.speed = data.name, speed
        self.mapping = Mapping(data.step_ms, speed)
        self.listings = {item.listing.symbol: item.listing for item in data.instruments}
        self._tapes = {item.listing.symbol: Tape(item.series, self.mapping) for item in data.instruments}
        self._klines = {symbol: KlineMaker(tape) for symbol, tape in self._tapes.items()}
        self._books = {
            item.listing.symbol: BookMaker(self._tapes[item.listing.symbol], item.spread) for item in data.instruments
        }

    def listing(self, symbol: str) -> Listing:
        """The pair, or Binance's "Invalid symbol."."""
        try:
            return self.listings[symbol]
        except KeyError:
            raise bad_symbol() from None

    def last_price(self, symbol: str, now: int) -> Decimal:
        """Price of the latest trade at ``now`` (real ms)."""
        slot = np.array([self.mapping.last_at(now)])
        return self.listings[symbol].price(self._tapes[symbol].prices(slot)[0])

    def book(self, symbol: str, epoch: int, levels: int) -> Book:
        """The displayed book number ``epoch``."""
        return self._books[symbol].at(epoch, levels)

    def book_at(self, symbol: str, now: int, levels: int) -> Book:
        """The book displayed at ``now``."""
        return self.book(symbol, self.mapping.epoch_at(now), levels)

    def prints(self, symbol: str, after: int, until: int) -> Prints:
        """The tape of real ms ``(after, until]``, slots without volume included."""
        return self.prints_of(symbol, self.mapping.first_at(after + 1), self.mapping.last_at(until) + 1)

    def prints_of(self, symbol: str, first: int, last: int) -> Prints:
        """The tape of slots [first, last)."""
        slots, tape = np.arange(first, max(first, last)), self._tapes[symbol]
        return Prints(slots, self.mapping.time_of(slots), tape.prices(slots), tape.lots(slots), tape.buys(slots))

    def candles(self, symbol: str, interval: str, start: int, end: int, now: int) -> list[Candle]:
        """Klines that open in [start, end] up to ``now``, the running one included; ``start`` is aligned."""
        length = INTERVALS[interval]
        opens = np.arange(max(start, ANCHOR_MS), min(end, now) + 1, length)
        first = self.mapping.first_at(opens)
        last = np.append(first[1:], min(self.mapping.first_at(opens[-1] + length), self.mapping.last_at(now) + 1))
        filled = last > first  # only a candle that began this instant can still be empty
        if not filled.any():
            return []
        return _rows(opens[filled], length, self._klines[symbol].fold(first[filled], last[filled]))

    def candle_at(self, symbol: str, interval: str, open_ms: int, now: int) -> Candle | None:
        """The kline that opens at ``open_ms`` as it stands at ``now``."""
        found = self.candles(symbol, interval, open_ms, open_ms, now)
        return found[0] if found else None

    def span(self, symbol: str, start: int, now: int) -> Candle:
        """One candle over the trades of (start, now]."""
        last = self.mapping.last_at(now) + 1
        first = min(self.mapping.first_at(start + 1), last - 1)
        bars = self._klines[symbol].fold(np.array([first]), np.array([last]))
        return _rows(np.array([start]), now - start, bars)[0]


def _rows(opens: np.ndarray, length: int, bars: Bars) -> list[Candle]:
    columns = [opens.tolist(), (opens + length).tolist(), *(column.tolist() for column in bars)]
    return [Candle(*row) for row in zip(*columns, strict=True)]
