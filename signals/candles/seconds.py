"""1-second candles with buy and sell flow, made from trades: a ring of fixed memory a symbol, O(1) a trade.

The rules:

- A second is [t, t + 1000 ms) by the exchange's time stamp of the trade; it is closed when the exchange's clock is
  GRACE_MS past its end.
- Within a second trades are ordered by (time stamp, id), however they came: open is the first one's price, close the
  last one's. `buy_volume` is what takers bought, `sell_volume` what they sold; together they are `volume`.
- A second without a trade carries the last close as its four prices, with zero volume and no trades.
- A second in which the trade socket was not up all the time is a gap: all its numbers are NaN. Nothing is lost
  silently, and nothing is invented.
- A trade that came before (by its id) counts once. One older than the ring, or stamped ahead of the exchange's clock,
  is left out and counted.
"""

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

SECOND_MS = 1000
SHOWN = 60  # seconds that readers get
CELLS = 80  # kept: those, the running one, and room for what comes late
GRACE_MS = 1000
AHEAD_S = 5  # a trade may be stamped so far ahead of our (low) estimate of the exchange's clock
IDS = 1024  # ids of the newest trades that are remembered
COLUMNS = ("open", "high", "low", "close", "volume", "buy_volume", "sell_volume", "trades")
OPEN, HIGH, LOW, CLOSE, VOLUME, BUY, SELL, TRADES = range(len(COLUMNS))


@dataclass(frozen=True, slots=True)
class Seconds:
    """Closed seconds of one symbol: open times (int64 ms) and float64 (8, seconds) in the order of COLUMNS."""

    open_time_ms: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return int(self.open_time_ms.size)

    def column(self, name: str) -> np.ndarray:
        """One of COLUMNS, (seconds,)."""
        found: np.ndarray = self.values[COLUMNS.index(name)]
        return found

    @property
    def gap(self) -> np.ndarray:
        """Where the trade socket was not up all the time (bool)."""
        found: np.ndarray = np.isnan(self.values[VOLUME])
        return found

    @classmethod
    def empty(cls) -> "Seconds":
        """No seconds."""
        return cls(np.empty(0, np.int64), np.empty((len(COLUMNS), 0)))


class Ring:
    """The newest CELLS seconds of one symbol; whole seconds since 1970 are their numbers."""

    def __init__(self) -> None:
        self.values = np.zeros((CELLS, len(COLUMNS)))
        self.gap = np.ones(CELLS, bool)
        self.first = np.zeros((CELLS, 2), np.int64)  # (time stamp, order) of the first trade of each second
        self.last = np.zeros((CELLS, 2), np.int64)
        self.end = 0  # number of the newest second
        self.carry = math.nan  # the last close before the ring
        self.changed_from = 0  # the oldest second that a trade has changed since `changes_taken`
        self._ids = np.zeros(IDS, np.int64)
        self._known = 0
        self._newest_id = -1

    def advance(self, second: int, live: bool) -> None:
        """Begin new seconds up to this one; quiet until a trade comes when `live`, else a gap."""
        if second - self.end >= CELLS:
            self._clear(second)
        for number in range(self.end + 1, second + 1):
            cell = number % CELLS
            if self.values[cell, TRADES]:
                self.carry = float(self.values[cell, CLOSE])
            self.values[cell] = 0.0
            self.gap[cell] = not live
        self.end = max(self.end, second)

    def gap_mark(self, since: int, until: int) -> None:
        """Seconds [since, until] were not heard as a whole."""
        for number in range(max(since, self.end - CELLS + 1), min(until, self.end) + 1):
            self.gap[number % CELLS] = True
            self._changed(number)

    def add(self, trade_id: Any, at_ms: int, price: float, amount: float, buy: bool) -> str:
        """Count a trade whose second has begun; returns why it was left out, or nothing."""
        second = at_ms // SECOND_MS
        if second <= self.end - CELLS:
            return "late"
        order = int(trade_id) if str(trade_id).isdecimal() else 0
        if self._seen(trade_id, order):
            return "duplicated"
        cell = second % CELLS
        row = self.values[cell]
        self._price(row, cell, (at_ms, order), price)
        row[VOLUME] += amount
        row[BUY if buy else SELL] += amount
        row[TRADES] += 1.0
        self._changed(second)
        return ""

    def read(self, last: int, newest: int) -> Seconds:
        """The `last` seconds up to number `newest`, quiet ones filled."""
        newest = min(newest, self.end)
        first = max(newest - last + 1, self.end - CELLS + 1)
        if not self.end or first > newest:
            return Seconds.empty()
        oldest = self.end - CELLS + 1
        cells = np.arange(oldest, newest + 1) % CELLS
        values, gap = self.values[cells].T.copy(), self.gap[cells]
        traded = values[TRADES] > 0
        at = np.maximum.accumulate(np.where(traded, np.arange(cells.size), -1))
        close = np.where(at >= 0, values[CLOSE, at], self.carry)
        values[:VOLUME, ~traded] = close[~traded]
        values[:, gap | np.isnan(close)] = np.nan
        keep = slice(first - oldest, None)
        return Seconds(np.arange(first, newest + 1, dtype=np.int64) * SECOND_MS, values[:, keep])

    def changes_taken(self) -> int:
        """The oldest second changed since the last call (0: none)."""
        changed, self.changed_from = self.changed_from, 0
        return changed

    def _clear(self, second: int) -> None:
        """Everything kept is older than the ring by now: only its last close stays, and what follows is a gap."""
        traded = [number for number in range(self.end - CELLS + 1, self.end + 1) if self.values[number % CELLS, TRADES]]
        if traded:
            self.carry = float(self.values[traded[-1] % CELLS, CLOSE])
        self.values[:], self.gap[:], self.end = 0.0, True, second - 1

    def _price(self, row: np.ndarray, cell: int, key: tuple[int, int], price: float) -> None:
        if not row[TRADES]:
            row[OPEN] = row[HIGH] = row[LOW] = row[CLOSE] = price
            self.first[cell] = self.last[cell] = key
            return
        row[HIGH], row[LOW] = max(row[HIGH], price), min(row[LOW], price)
        if key < tuple(self.first[cell]):
            self.first[cell], row[OPEN] = key, price
        if key >= tuple(self.last[cell]):
            self.last[cell], row[CLOSE] = key, price

    def _seen(self, trade_id: Any, order: int) -> bool:
        """Whether the id was counted before; remembers it. Ids that only grow cost no search."""
        if trade_id in (None, ""):
            return False
        key = order or hash(str(trade_id)) or 1
        if not order or key <= self._newest_id:
            held = self._ids[: min(self._known, IDS)]
            if bool((held == key).any()) or (order and self._known > IDS and key < int(held.min())):
                return True
        self._ids[self._known % IDS] = key
        self._known += 1
        self._newest_id = max(self._newest_id, order)
        return False

    def _changed(self, second: int) -> None:
        self.changed_from = min(self.changed_from or second, second)


class SecondsBook:
    """The rings of one exchange's symbols, moved by its clock. One thread writes, any may read."""

    def __init__(self, symbols: Iterable[str] = ()) -> None:
        self.rings = {symbol: Ring() for symbol in symbols}
        self.live = False  # whether the trade socket is up and has spoken
        self.heard_ms = 0  # stamp of the newest trade
        self.now = 0  # the running second by the exchange's clock
        self.left_out: dict[str, int] = {}
        self._lock = threading.Lock()

    def symbols_set(self, symbols: Iterable[str]) -> None:
        """Keep these symbols; a new one begins with a gap."""
        with self._lock:
            self.rings = {symbol: self.rings.get(symbol) or Ring() for symbol in symbols}

    def clock(self, exchange_ms: int) -> None:
        """Begin the seconds that the exchange's clock has reached."""
        second = exchange_ms // SECOND_MS
        if second <= self.now:
            return
        with self._lock:
            self.now = second
            for ring in self.rings.values():
                ring.advance(second, self.live)

    def trade(self, symbol: str, trade_id: Any, at_ms: int, price: float, amount: float, buy: bool) -> None:
        """Count one trade; the first after a break ends the gap, its own second included."""
        with self._lock:
            if problem := self._trade(symbol, trade_id, at_ms, price, amount, buy):
                self.left_out[problem] = self.left_out.get(problem, 0) + 1

    def broken(self, heard_ms: int = 0) -> None:
        """The socket is down: everything after the last trade that was heard (by `heard_ms` at the latest, where it
        is not known when the socket broke) is a gap until trades come again.
        """
        with self._lock:
            if self.live:
                self.live = False
                for ring in self.rings.values():
                    ring.gap_mark((heard_ms or self.heard_ms) // SECOND_MS, ring.end)

    def read(self, symbol: str, last: int = SHOWN) -> Seconds:
        """The newest closed seconds of a symbol."""
        with self._lock:
            ring = self.rings.get(symbol)
            return Seconds.empty() if ring is None else ring.read(last, self.closed)

    def read_all(self, since: int) -> dict[str, Seconds]:
        """Closed seconds from number `since` on, of all symbols."""
        with self._lock:
            last = self.closed - since + 1
            return {symbol: ring.read(last, self.closed) for symbol, ring in self.rings.items()} if last > 0 else {}

    def changes_taken(self) -> int:
        """The oldest second that changed in any ring since the last call (0: none)."""
        with self._lock:
            changed = [number for ring in self.rings.values() if (number := ring.changes_taken())]
            return min(changed, default=0)

    @property
    def closed(self) -> int:
        """Number of the newest second that is closed by the exchange's clock."""
        return self.now - 1 - GRACE_MS // SECOND_MS

    def _trade(self, symbol: str, trade_id: Any, at_ms: int, price: float, amount: float, buy: bool) -> str:
        ring, second = self.rings.get(symbol), at_ms // SECOND_MS
        if ring is None or not (0.0 < price < math.inf and 0.0 < amount < math.inf):
            return "unknown" if ring is None else "bad"
        if second > self.now + AHEAD_S:
            return "ahead"
        if not self.live:
            self.live = True
            for one in self.rings.values():
                one.advance(max(second, self.now), live=False)
        ring.advance(second, live=True)
        self.heard_ms = max(self.heard_ms, at_ms)
        return ring.add(trade_id, at_ms, price, amount, buy)
