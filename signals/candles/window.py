"""The window a scan process keeps of one exchange and timeframe: the newest candles of all lanes on one time grid."""

from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np

from signals.candles.matrix import FIELDS, CandleMatrix, CandleTable
from signals.domain.timeframes import timeframe_ms

CAPACITY = 1000
NO_ROW = (np.nan,) * 6


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
        self._whole_ms = np.zeros(0, np.int64)  # by lane: up to this candle nothing is missing (0: not known)
        self._first_ms = 0  # no lane has a candle before this one (0: no lane has any)
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
        self._whole_ms = np.zeros(len(symbols), np.int64)
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
        place = (open_ms - self.start_ms) // self.step
        if not 0 <= place < self.capacity:
            return
        found = [rows.get(symbol, NO_ROW) for symbol in self.symbols]
        news = np.fromiter(chain.from_iterable(found), np.float64, 6 * len(found)).reshape(-1, 6)[:, 1:].T
        column = self.values[:, :, place]
        old, given = column[3], ~np.isnan(news[3])
        changed = (column != news).any(axis=0) & given
        corrected = changed & ~np.isnan(old)
        for row in np.flatnonzero(corrected).tolist():
            self.corrected[self.symbols[row]] = self.corrected.get(self.symbols[row], 0) + 1
        for row in np.flatnonzero(changed if place < self.capacity - 1 else corrected).tolist():
            self._touch(self.symbols[row])
        np.copyto(column, news, where=given)
        if given.any():
            self._begins(open_ms)

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
            self._touch(symbol)
        self.values[:, row, spots] = news
        if len(table):
            self._begins(int(table.open_time_ms.min()))

    def load(self, matrix: CandleMatrix) -> None:
        """Fill from a stored hot window."""
        if matrix.open_time_ms.size:
            self.advance(max(self.end_ms, int(matrix.open_time_ms[-1])))
            for symbol in matrix.symbols:
                self.merge(symbol, matrix.table(symbol))
            self.corrected.clear()

    def missing(self) -> dict[str, int]:
        """For each symbol that lacks candles, the open time from which to ask (see `missing_from`)."""
        step = self._whole_ms == self.end_ms - self.step
        self._whole_ms[step & ~np.isnan(self.values[3, :, -1])] = self.end_ms
        found = {}
        for row in np.flatnonzero(self._whole_ms < self.end_ms).tolist():
            since = self.missing_from(self.symbols[row])
            if since is None:
                self._whole_ms[row] = self.end_ms
            else:
                found[self.symbols[row]] = since
        return found

    def missing_from(self, symbol: str) -> int | None:
        """Open time from which candles must be asked for: the first hole, or the window's start for an empty lane.

        None when nothing is missing. Holes before a lane's first candle are not holes (it was listed later), and
        neither are candles the exchange was asked for and does not have.
        """
        row = self._rows[symbol]
        absent = np.isnan(self.values[3, row])
        if absent.all():
            return self.start_ms
        first = max(int(np.argmin(absent)), (int(self._whole_ms[row]) - self.start_ms) // self.step + 1)
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

    def lacking(self, open_ms: int) -> tuple[str, ...]:
        """Symbols whose lane has no candle that opened then."""
        column = (open_ms - self.start_ms) // self.step
        if not 0 <= column < self.capacity:
            return tuple(self.symbols)
        return tuple(self.symbols[row] for row in np.flatnonzero(np.isnan(self.values[3, :, column])).tolist())

    def matrix(self) -> CandleMatrix:
        """Everything from the first column that any lane has: views, which a late candle may still change."""
        first = self.capacity
        if self._first_ms:
            first = max(self._first_ms - self.start_ms, 0) // self.step
            while first < self.capacity and np.isnan(self.values[3, :, first]).all():
                first += 1
        times = self.start_ms + self.step * np.arange(first, self.capacity, dtype=np.int64)
        return CandleMatrix(tuple(self.symbols), times, *self.values[:, :, first:])

    def _touch(self, symbol: str) -> None:
        """A candle has changed, or one has come behind the newest: whether the lane is whole is to be seen anew."""
        self.touched.add(symbol)
        self._whole_ms[self._rows[symbol]] = 0

    def _begins(self, open_ms: int) -> None:
        self._first_ms = min(self._first_ms or open_ms, open_ms)
