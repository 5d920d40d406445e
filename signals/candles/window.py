"""The window a scan process keeps of one exchange and timeframe: the newest candles of all lanes on one time grid."""

import numpy as np

from signals.candles.matrix import FIELDS, CandleMatrix, CandleTable
from signals.domain.timeframes import timeframe_ms

CAPACITY = 1000


class CandleWindow:
    """Float64 arrays (fields, symbols, CAPACITY); the last column is the candle that opened at `end_ms`.

    Not thread-safe: its owner serialises access.
    """

    def __init__(self, exchange: str, timeframe: str, capacity: int = CAPACITY) -> None:
        self.exchange, self.timeframe, self.capacity = exchange, timeframe, capacity
        self.step = timeframe_ms(timeframe)
        self.symbols: list[str] = []
        self.end_ms = 0
        self.values = np.full((len(FIELDS), 0, capacity), np.nan)
        self.hopeless: set[tuple[str, int]] = set()  # asked for, and the exchange has no such candle
        self.hopeless_known = False  # whether what earlier processes gave up was told to this window
        self.corrected: dict[str, int] = {}  # symbol -> candles that came back different
        self.touched: set[str] = set()  # symbols of which another candle than the newest has come or changed

    @property
    def start_ms(self) -> int:
        """Open time of the first column."""
        return self.end_ms - (self.capacity - 1) * self.step

    def symbols_set(self, symbols: list[str]) -> None:
        """Keep exactly these lanes; a new one begins empty."""
        values = np.full((len(FIELDS), len(symbols), self.capacity), np.nan)
        old = {symbol: row for row, symbol in enumerate(self.symbols)}
        for row, symbol in enumerate(symbols):
            if symbol in old:
                values[:, row] = self.values[:, old[symbol]]
        self.symbols, self.values = list(symbols), values

    def advance(self, open_ms: int) -> None:
        """Make `open_ms` the last column; older columns move left, and never back."""
        if open_ms <= self.end_ms:
            return
        moved = (open_ms - self.end_ms) // self.step
        fresh = np.full_like(self.values, np.nan)
        if self.end_ms and moved < self.capacity:
            fresh[:, :, :-moved] = self.values[:, :, moved:]
        self.values, self.end_ms = fresh, open_ms
        self.hopeless = {(symbol, at) for symbol, at in self.hopeless if at >= self.start_ms}

    def merge(self, symbol: str, table: CandleTable) -> None:
        """Put candles into their columns; those off the grid or outside the window are left out."""
        if symbol not in self.symbols or not len(table):
            return
        row = self.symbols.index(symbol)
        table = table.where(table.open_time_ms % self.step == 0).between(self.start_ms, self.end_ms + 1)
        spots = (table.open_time_ms - self.start_ms) // self.step
        news = np.stack([getattr(table, name) for name in FIELDS])
        known = self.values[:, row, spots]
        changed = (~np.isnan(known[3]) & (known != news).any(axis=0)).sum()
        if changed:
            self.corrected[symbol] = self.corrected.get(symbol, 0) + int(changed)
        if (spots < self.capacity - 1)[(known != news).any(axis=0)].any():
            self.touched.add(symbol)
        self.values[:, row, spots] = news

    def load(self, matrix: CandleMatrix) -> None:
        """Fill from a stored hot window."""
        if matrix.open_time_ms.size:
            self.advance(max(self.end_ms, int(matrix.open_time_ms[-1])))
            for symbol in matrix.symbols:
                self.merge(symbol, matrix.table(symbol))
            self.corrected.clear()

    def missing_from(self, symbol: str) -> int | None:
        """Open time from which candles must be asked for: the first hole, or the window's start for an empty lane.

        None when nothing is missing. Holes before a lane's first candle are not holes (it was listed later), and
        neither are candles the exchange was asked for and does not have.
        """
        absent = np.isnan(self.values[3, self.symbols.index(symbol)])
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
            if np.isnan(self.values[3, self.symbols.index(symbol), (at - self.start_ms) // self.step]):
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
        return inside and not np.isnan(self.values[3, self.symbols.index(symbol), column])

    def matrix(self) -> CandleMatrix:
        """A copy of everything from the first column that any lane has."""
        present = ~np.isnan(self.values[3]).all(axis=0)
        first = int(np.argmax(present)) if present.any() else self.capacity
        times = self.start_ms + self.step * np.arange(first, self.capacity, dtype=np.int64)
        return CandleMatrix(tuple(self.symbols), times, *self.values[:, :, first:].copy())
