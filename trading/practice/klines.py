"""Candles over any span of the tape, without walking it: history and the live candle come from this one function."""

from typing import NamedTuple

import numpy as np

from trading.practice.tape import Tape

INTERVALS = {
    "1s": 1_000, "1m": 60_000, "3m": 180_000, "5m": 300_000, "15m": 900_000, "30m": 1_800_000, "1h": 3_600_000,
    "2h": 7_200_000, "4h": 14_400_000, "6h": 21_600_000, "8h": 28_800_000, "12h": 43_200_000, "1d": 86_400_000,
}  # fmt: skip
BLOCK = 64  # base candles summarised together
DIRECT = 50_000  # up to so many slots it is cheaper to look at each
CHUNK = 64  # windows whose edges are looked at together: bounds the memory


class Bars(NamedTuple):
    """n candles: prices in ticks, volume in lots, number of slots (all int64, shape (n,))."""

    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    lots: np.ndarray
    trades: np.ndarray


class Extremes:
    """Maximum (or minimum) of a circular array over ranges, from a sparse table over blocks."""

    def __init__(self, values: np.ndarray, pick: np.ufunc) -> None:
        self.values, self._pick = values, pick
        self.size = len(values)
        blocks = 2 * self.size // BLOCK  # two rounds, so that a range may run past the end
        rows = np.arange(blocks * BLOCK) % self.size
        table = [pick.reduce(values[rows].reshape(blocks, BLOCK), axis=1)] if blocks else []
        while table and 2 ** len(table) <= blocks:
            half = 2 ** (len(table) - 1)
            table.append(pick(table[-1][:-half], table[-1][half:]))
        self._table = table

    def over(self, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """The extreme over [first, last), each range not empty, positions global (any integer)."""
        start = first % self.size
        stop = start + np.minimum(last - first, self.size)
        edge = np.arange(BLOCK)
        left = np.minimum(start[:, None] + edge, stop[:, None] - 1)
        right = np.maximum(stop[:, None] - 1 - edge, start[:, None])
        rows = np.concatenate([left, right], axis=1) % self.size
        best = self._pick.reduce(self.values[rows], axis=1).astype(np.int64)
        return self._with_blocks(best, -(-start // BLOCK), stop // BLOCK)

    def _with_blocks(self, best: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        rows = np.flatnonzero(last > first)
        levels = np.log2(last[rows] - first[rows]).astype(np.int64)
        for level in np.unique(levels):
            at = rows[levels == level]
            table = self._table[level]
            inner = self._pick(table[first[at]], table[last[at] - 2**level])
            best[at] = self._pick(best[at], inner)
        return best


class KlineMaker:
    """Folds ranges of one instrument's slots into candles."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self._extremes: tuple[Extremes, Extremes] | None = None  # built at first need: many symbols are never asked

    def fold(self, first: np.ndarray, last: np.ndarray) -> Bars:
        """Candles over slots [first, last); the ranges must be consecutive and none may be empty."""
        if int(last[-1] - first[0]) <= DIRECT:
            high, low = self._fold_each(first, last)
        else:
            high, low = self._fold_blocks(first, last)
        return Bars(
            self.tape.prices(first), high, low, self.tape.prices(last - 1),
            self.tape.volume_between(first, last), last - first,
        )  # fmt: skip

    def _fold_each(self, first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        prices = self.tape.prices(np.arange(first[0], last[-1]))
        offsets = first - first[0]
        return np.maximum.reduceat(prices, offsets), np.minimum.reduceat(prices, offsets)

    def _fold_blocks(self, first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        slots = self.tape.mapping.slots
        high = self.tape.prices(first)
        low = high.copy()
        begin, end = -(-first // slots), last // slots
        whole = np.flatnonzero(end > begin)
        highs, lows = self._tables()
        if len(whole):
            high[whole] = np.maximum(high[whole], highs.over(begin[whole], end[whole]))
            low[whole] = np.minimum(low[whole], lows.over(begin[whole], end[whole]))
        ragged = np.flatnonzero((first % slots != 0) | (last % slots != 0))
        for part in np.split(ragged, range(CHUNK, len(ragged), CHUNK)):
            self._widen_by_edges(high, low, first, last, part)
        return high, low

    def _widen_by_edges(
        self, high: np.ndarray, low: np.ndarray, first: np.ndarray, last: np.ndarray, part: np.ndarray
    ) -> None:
        """Add the slots of the base candles that a window covers only in part."""
        edge = np.arange(self.tape.mapping.slots)
        start, stop = first[part][:, None], last[part][:, None] - 1
        both = np.concatenate([np.minimum(start + edge, stop), np.maximum(stop - edge, start)], axis=1)
        prices = self.tape.prices(both.ravel()).reshape(both.shape)
        high[part] = np.maximum(high[part], prices.max(axis=1, initial=0))
        low[part] = np.minimum(low[part], prices.min(axis=1, initial=np.iinfo(np.int64).max))

    def _tables(self) -> tuple[Extremes, Extremes]:
        if self._extremes is None:
            self._extremes = Extremes(self.tape.series.high, np.maximum), Extremes(self.tape.series.low, np.minimum)
        return self._extremes
