"""The displayed order book: a pure function of the tape, the spread and the pair's liquidity.

The trade of a slot happened at the touch: at the best ask when its taker bought, else at the best bid; the other side
lies one spread away. Behind the touch the levels sit on a fixed grid of prices, so that a small move leaves most of
them in place, and their sizes are drawn from (pair, side, price, period) and grow with the distance. Users' resting
orders are matched against (see ``matching``) but not displayed: the public book stays a function of time alone.
"""

from typing import NamedTuple

import numpy as np

from trading.practice.tape import Tape, noise

MAX_LEVELS = 100
PERIOD = 16  # books for which a level keeps its size
TOUCH_SHARE = 0.5  # of a base candle's mean volume rests on an average level at the touch
GROWTH = 0.12

Levels = list[tuple[int, int]]  # (ticks, lots), best first


class Book(NamedTuple):
    """Both sides, best first; ``epoch`` is Binance's update id."""

    epoch: int
    bids: Levels
    asks: Levels


class BookMaker:
    """Draws one instrument's books."""

    def __init__(self, tape: Tape, spread: float) -> None:
        self._tape, self._spread = tape, spread
        self._touch = max(2.0, tape.series.mean_lots * TOUCH_SHARE)

    def at(self, epoch: int, levels: int) -> Book:
        """Book number ``epoch`` with up to ``levels`` (at most MAX_LEVELS) on each side."""
        slot = np.array([epoch * self._tape.mapping.stride])
        price = int(self._tape.prices(slot)[0])
        spread = max(1, round(price * self._spread))
        bought = bool(self._tape.buys(slot)[0])
        bid, ask = (price - spread, price) if bought else (price, price + spread)
        gap = max(1, spread // 2)
        return Book(epoch, self._side(bid, -gap, epoch, levels), self._side(ask, gap, epoch, levels))

    def _side(self, best: int, gap: int, epoch: int, levels: int) -> Levels:
        steps = np.arange(min(levels, MAX_LEVELS))
        ticks = np.where(steps == 0, best, _beyond(best, gap, steps))
        ticks = ticks[ticks > 0]
        salt = self._tape.series.salt ^ (epoch // PERIOD * 2 + (gap > 0))
        size = self._touch * (0.3 + 1.4 * noise(salt, ticks)) * (1 + GROWTH * steps[: len(ticks)])
        return list(zip(ticks.tolist(), (1 + size.astype(np.int64)).tolist(), strict=True))


def _beyond(best: int, gap: int, steps: np.ndarray) -> np.ndarray:
    """Grid prices strictly worse than the best one: step 1 is the first multiple of the gap behind it."""
    width = abs(gap)
    first = (best // width + 1) * width if gap > 0 else -(-best // width) * width - width
    return first + gap * (steps - 1)
