"""The window a scan process keeps of one exchange and timeframe: the newest candles of all lanes on one time grid."""

from collections.abc import Mapping, Sequence

import numpy as np

from signals.candles.matrix import FIELDS, CandleMatrix, CandleTable
from signals.domain.timeframes import timeframe_ms

CAPACITY = 1000


class CandleWindow:
    """`values`: float64 (fields, symbols, CAPACITY), a view that slides over an array twice as long, so that a new
    candle moves nothing; the last column is the candle that opened at `end_ms`. Not thread-safe: its owner serialises
    access.
    """

    def __init__(self, exchange: str, timeframe: str, capacity: int = CAPACITY) -> None:
        self.exchange, self.timeframe, self.capacity = exchange, timeframe, capacity
        self.step = timeframe_ms(timeframe)
        self.symbols: list[str] = []
        self.end_ms = 0
        self._all = np.full((len(FIELDS), 0, 2 * capacity), np.nan)
        self._stop = capacity
        self._rows: dict[str, int] = {}
        self.hopeless: set[tuple[str, int]] = set()  # asked for, and the exchange has no such candle
        self.hopeless_known = False  # whether what earlier processes gave up was told to this window
        self.corrected: dict[str, int] = {}  # symbol -> candles that came back different
        self.touched: set[str] = set()  # symbols of which a candle has changed, or another than the newest has come

    @property
    def values(self) -> np.ndarray:
        """The columns from `start_ms` to `end_ms`."""
        return self._all[:, :, self._stop - self.capacity : self._stop]

    @property
    def start_ms(self) -> int:
        """Open time of the first column."""
        return self.end_ms - (self.capacity - 1) * self.step

    def symbols_set(self, symbols: list[str]) -> None:
        """Keep exactly these lanes; a new one begins empty."""
        values = np.full((len(FIELDS), len(symbols), 2 * self.capacity), np.nan)
        for row, symbol in enumerate(symbols):
            if symbol in self._rows:
                values[:, row, : self.capacity] = self.values[:, self._rows[symbol]]
        self.symbols, self._all, self._stop = list(symbols), values, self.capacity
        self._rows = {symbol: row for row, symbol in enumerate(symbols)}

    def advance(self, open_ms: int) -> None:
        """Make `open_ms` the last column; older columns move left, and never back."""
        if open_ms <= self.end_ms:
            return
        moved = min((open_ms - self.end_ms) // self.step, self.capacity) if self.end_ms else self.capacity
        if self._stop + moved > self._all.shape[2]:  # a new array: who still reads the old one is not disturbed
            kept = self.values[:, :, moved:]
            self._all = np.full_like(self._all, np.nan)
            self._all[:, :, : kept.shape[2]] = kept
            self._stop = self.capacity
        else:
            self._stop += moved
        self.end_ms = open_ms
        if self.hopeless:
            self.hopeless = {(symbol, at) for symbol, at in self.hopeless if at >= self.start_ms}

    def put(self, open_ms: int, rows: Mapping[str, Sequence[float]]) -> None:
        """Put one candle of many symbols ([open time ms, open, high, low, close, volume]) into its column."""
        column = (open_ms - self.start_ms) // self.step
        known = [symbol for symbol in rows if symbol in self._rows]
        if not known or not 0 <= column < self.capacity:
            return
        places = [self._rows[symbol] for symbol in known]
        news = np.array([rows[symbol][1:] for symbol in known], np.float64).T
        old = self.values[:, places, column]
        for number in np.flatnonzero(~np.isnan(old[3]) & (old != news).any(axis=0)):
            self.corrected[known[number]] = self.corrected.get(known[number], 0) + 1
            self.touched.add(known[number])
        if column < self.capacity - 1:
            self.touched.update(known[number] for number in np.flatnonzero((old != news).any(axis=0)))
        self.values[:, places, column] = news

    def merge(self, symbol: str, table: CandleTable) -> None:
        """Put candles into their columns; those off the grid or outside the window are left out."""
        if symbol not in self.symbols or not len(table):
            return
        row = self._rows[symbol]
        table = table.where(table.open_time_ms % self.step == 0).between(self.start_ms, self.end_ms + 1)
        spots = (table.open_time_ms - self.start_ms) // self.step
        news = np.stack([getattr(table, name) for name in FIELDS])
        known = self.values[:, row, spots]
        changed = (~np.isnan(known[3]) & (known != news).any(axis=0)).sum()
        if changed:
            self.corrected[symbol] = self.corrected.get(symbol, 0) + int(changed)
        if ((spots < self.capacity - 1) & (known != news).any(axis=0)).any() or changed:
            self.touched.add(symbol)
        self.values[:, row, spots] = news

    def load(self, matrix: CandleMatrix) -> None:
        """Fill from a stored hot window."""
        if matrix.open_time_ms.size:
            self.advance(max(self.end_ms, int(matrix.open_time_ms[-1])))
            for symbol in matrix.symbols:
                self.merge(symbol, matrix.table(symbol))
            self.corrected.clear()

    def missing(self) -> dict[str, int]:
        """For each symbol that lacks candles, the open time from which to ask (see `missing_from`)."""
        absent = np.isnan(self.values[3])
        begun = np.maximum.accumulate(~absent, axis=1)
        lacking = np.flatnonzero((absent & begun).any(axis=1) | ~begun[:, -1]) if absent.size else ()
        starts = {self.symbols[row]: self.missing_from(self.symbols[row]) for row in lacking}
        return {symbol: since for symbol, since in starts.items() if since is not None}

    def missing_from(self, symbol: str) -> int | None:
        """Open time from which candles must be asked for: the first hole, or the window's start for an empty lane.

        None when nothing is missing. Holes before a lane's first candle are not holes (it was listed later), and
        neither are candles the exchange was asked for and does not have.
        """
        absent = np.isnan(self.values[3, self._rows[symbol]])
        if absent.all():
            return self.start_ms
        first = int(np.argmin(absent))
        for column in np.flatnonzero(absent[first:]) + first:
            at = self.start_ms + int(column) * self.step
            if (symbol, at) not in self.hopeless:
                return at
        return None

    def give_up(self, symbol: str, since_ms: int, until_ms: int) -> None:
        """The exchange was asked for [since_ms, until_ms) and did not have what is still missing there.

        Kept for this process only: minutes old, it may be a hiccup of the exchange. `candles fetch` and `repair`
        remember older holes for good.
        """
        for at in range(max(since_ms, self.start_ms), min(until_ms, self.end_ms + 1), self.step):
            if np.isnan(self.values[3, self._rows[symbol], (at - self.start_ms) // self.step]):
                self.hopeless.add((symbol, at))

    def holes_know(self, symbol: str, ranges: list[tuple[int, int]]) -> None:
        """Ranges [since, until) in which the lane never had a candle: they are not asked for."""
        for first, stop in ranges:
            for at in range(max(first, self.start_ms), min(stop, self.end_ms + 1), self.step):
                self.hopeless.add((symbol, at))

    def has(self, symbol: str, open_ms: int) -> bool:
        """Whether the lane has the candle."""
        column = (open_ms - self.start_ms) // self.step
        inside = 0 <= column < self.capacity
        return inside and not np.isnan(self.values[3, self._rows[symbol], column])

    def matrix(self) -> CandleMatrix:
        """Everything from the first column that any lane has: views, which a late candle may still change."""
        present = ~np.isnan(self.values[3]).all(axis=0)
        first = int(np.argmax(present)) if present.any() else self.capacity
        times = self.start_ms + self.step * np.arange(first, self.capacity, dtype=np.int64)
        return CandleMatrix(tuple(self.symbols), times, *self.values[:, :, first:])
