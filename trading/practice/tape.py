"""The tape: every public trade of the practice market as a pure function of (seed or data, time).

ONE fixed mapping holds for history and live::

    market_ms = (real_ms - ANCHOR_MS) * speed
    position  = market_ms mod (number of base candles * step)

so time stamps stay on the real clock while the market moves ``speed`` times faster, and the data loops without end:
after the last base candle comes the first one again. (Synthetic data is periodic, so its seam shows no jump; replayed
data opens the next round at its first open.)

A base candle is walked O-L-H-C when it closes at or above its open, else O-H-L-C. It is cut into ``slots`` equal
pieces of time (about ``SLOT_MS`` real milliseconds, at least four); slot 0 trades at the open, the last one at the
close, two in between at the extremes, the others on the straight line between their neighbours plus a seeded wiggle
that never leaves [low, high], rounded to the tick. The candle's volume is dealt to its slots in whole lots. Hence any
real-clock candle that covers whole base candles aggregates them exactly. A slot whose share is no lot at all moves the
price without a trade.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import numpy as np

ANCHOR_MS = 1_577_836_800_000  # 2020-01-01T00:00Z, a whole number of every kline interval
SLOT_MS = 250
BOOK_MS = 100  # the book changes at most this often
WIGGLE = 0.25  # of the candle's range

Slots = np.ndarray  # int64, global slot numbers (0 at ANCHOR_MS)
Whole = TypeVar("Whole", int, np.ndarray)  # one number or an int64 array of them


@dataclass(frozen=True)
class Series:
    """One instrument's base candles: prices in ticks (int32, N), ``cum`` lots before each candle (int64, N+1)."""

    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    cum: np.ndarray
    salt: int

    @property
    def mean_lots(self) -> float:
        """Average volume of a base candle in lots."""
        return float(self.cum[-1]) / len(self.open)


class Mapping:
    """Real milliseconds to slots and back, exact in integers for any speed."""

    def __init__(self, step_ms: int, speed: Fraction) -> None:
        candle = Fraction(step_ms) / speed
        self.slots = max(4, round(candle / SLOT_MS))
        slot = candle / self.slots
        self.numerator, self.denominator = slot.numerator, slot.denominator
        self.stride = max(1, -int(-BOOK_MS // slot))

    def time_of(self, slot: Whole) -> Whole:
        """Real ms (rounded down) at which a slot trades; works on ints and int64 arrays."""
        return ANCHOR_MS + slot * self.numerator // self.denominator

    def first_at(self, ms: Whole) -> Whole:
        """The first slot that trades at or after ``ms``."""
        return -((ANCHOR_MS - ms) * self.denominator // self.numerator)

    def last_at(self, ms: Whole) -> Whole:
        """The last slot that has traded by ``ms``."""
        return self.first_at(ms + 1) - 1

    def epoch_at(self, ms: int) -> int:
        """The number of the book shown at ``ms``; books are numbered without holes."""
        return self.last_at(ms) // self.stride


def noise(salt: int, keys: np.ndarray) -> np.ndarray:
    """Uniform numbers in [0, 1) that depend on (salt, key) only (splitmix64)."""
    with np.errstate(over="ignore"):
        x = keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt & 0xFFFFFFFFFFFFFFFF)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((x ^ (x >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _path_weights(slots: int) -> np.ndarray:
    """(slots, 4) shares of (open, first extreme, second extreme, close) in each slot's price."""
    corners = np.rint(np.linspace(0, slots - 1, 4))
    return np.stack([np.interp(np.arange(slots), corners, row) for row in np.eye(4)], axis=1)


class Tape:
    """One instrument's trades by slot number."""

    def __init__(self, series: Series, mapping: Mapping) -> None:
        self.series, self.mapping = series, mapping
        self._weights = _path_weights(mapping.slots)
        self._free = self._weights.max(axis=1) < 1.0  # slots that may wiggle: all but the four corners

    def _rows(self, slots: Slots) -> tuple[np.ndarray, np.ndarray]:
        candle, piece = np.divmod(slots, self.mapping.slots)
        return candle % len(self.series.open), piece

    def prices(self, slots: Slots) -> np.ndarray:
        """Price of each slot in ticks (int64)."""
        row, piece = self._rows(slots)
        s = self.series
        first, low, high, last = (column[row].astype(np.float64) for column in (s.open, s.low, s.high, s.close))
        up = last >= first
        weights = self._weights[piece]
        price = weights[:, 0] * first + weights[:, 3] * last
        price += weights[:, 1] * np.where(up, low, high) + weights[:, 2] * np.where(up, high, low)
        price += self._free[piece] * (noise(s.salt, slots) - 0.5) * WIGGLE * (high - low)
        return np.rint(np.clip(price, low, high)).astype(np.int64)

    def volume_before(self, slots: Slots) -> tuple[np.ndarray, np.ndarray]:
        """(rounds, lots) traded before each slot: whole loops of the data and lots within the loop."""
        candle, piece = np.divmod(slots, self.mapping.slots)
        rounds, row = np.divmod(candle, len(self.series.open))
        begun = self.series.cum[row]
        return rounds, begun + (self.series.cum[row + 1] - begun) * piece // self.mapping.slots

    def volume_between(self, first: Slots, last: Slots) -> np.ndarray:
        """Lots traded in slots [first, last), exact for any number of loops."""
        rounds0, lots0 = self.volume_before(first)
        rounds1, lots1 = self.volume_before(last)
        return (rounds1 - rounds0) * self.series.cum[-1] + lots1 - lots0

    def lots(self, slots: Slots) -> np.ndarray:
        """Volume of each slot in lots (may be 0: no trade)."""
        return self.volume_between(slots, slots + 1)

    def buys(self, slots: Slots) -> np.ndarray:
        """True where the taker of the slot's trade is the buyer."""
        return noise(self.series.salt ^ 0x5BD1E995, slots) < 0.5
