"""The hash of the candles that a signal was made from: blake2b over (open time, open, high, low, close, volume) rows,
the time as int64 and the rest as float64, little-endian, oldest first.

A lane that lives for days has more candles behind it than the window: its hash is carried on, row after row.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from signals.candles.matrix import FIELDS, CandleMatrix, CandleTable

SIZE = 16  # bytes: two different histories will not meet
LONG = 256  # candles from which carrying a hash on pays


def rows_bytes(table: CandleTable) -> bytes:
    """The rows of a table as they are hashed."""
    rows = np.empty((len(table), 1 + len(FIELDS)), "<f8")
    rows.view("<i8")[:, 0] = table.open_time_ms
    for place, name in enumerate(FIELDS, 1):
        rows[:, place] = getattr(table, name)
    return rows.tobytes()


def table_hash(table: CandleTable) -> str:
    """Hexadecimal, 2 * SIZE digits."""
    return hashlib.blake2b(rows_bytes(table), digest_size=SIZE).hexdigest()


@dataclass(slots=True)
class _Carried:
    upto_ms: int
    count: int
    hasher: Any


@dataclass(slots=True)
class Fingerprints:
    """Hashes of one exchange and timeframe, carried on from signal to signal. Not thread-safe."""

    carried: dict[tuple[str, int], _Carried] = field(default_factory=dict)

    def forget(self, symbols: frozenset[str]) -> None:
        """These symbols' candles have changed: their hashes begin anew."""
        for key in [key for key in self.carried if key[0] in symbols]:
            del self.carried[key]

    def of(self, matrix: CandleMatrix, symbol: str, anchor_ms: int, candle_ms: int, read: Any) -> tuple[str, int]:
        """Hash and number of a symbol's candles from `anchor_ms` to `candle_ms`, both included.

        `read(symbol, since_ms, until_ms)` gives stored candles where the matrix no longer reaches back to the anchor.
        """
        key = symbol, anchor_ms
        known = self.carried.get(key)
        starts_ms = int(matrix.open_time_ms[0])
        if known is None or known.upto_ms > candle_ms or known.upto_ms + 1 < starts_ms:
            known = _Carried(anchor_ms - 1, 0, hashlib.blake2b(digest_size=SIZE))
            if anchor_ms < starts_ms:
                self._add(known, read(symbol, anchor_ms, starts_ms), starts_ms - 1)
        self._add(known, matrix.table(symbol).between(known.upto_ms + 1, candle_ms + 1), candle_ms)
        if known.count >= LONG:
            self._keep(key, known, len(matrix.symbols))
        return known.hasher.copy().hexdigest(), known.count

    def _add(self, known: _Carried, table: CandleTable, upto_ms: int) -> None:
        known.hasher.update(rows_bytes(table))
        known.count, known.upto_ms = known.count + len(table), upto_ms

    def _keep(self, key: tuple[str, int], known: _Carried, symbols: int) -> None:
        self.carried.pop(key, None)
        self.carried[key] = known
        while len(self.carried) > 2 * symbols + 16:  # anchors that are no more
            del self.carried[next(iter(self.carried))]
