"""Small markets and exchanges for tests that need no server."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np

from trading.practice.exchange import Exchange
from trading.practice.market import Instrument, Market, MarketData
from trading.practice.store import Store
from trading.practice.symbols import Listing, lot_for, tick_for
from trading.practice.tape import ANCHOR_MS, Series

NOON = ANCHOR_MS + 3600 * 24 * 365 * 1000


class Clock:
    """A clock that moves when told."""

    def __init__(self, now: int = NOON) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def series(price: float, tick: Decimal, lot: Decimal, candles: int, seed: int) -> Series:
    """A random walk around a price, with 5,000 to 60,000 quote units traded in a candle."""
    rng = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(rng.normal(0, 2e-3, candles)))
    first = np.roll(close, 1)
    high, low = np.maximum(first, close) * 1.001, np.minimum(first, close) * 0.999
    ticks = [np.rint(column / float(tick)).astype(np.int32) for column in (first, high, low, close)]
    cum = np.concatenate([[0], np.cumsum(np.rint(rng.uniform(5e3, 6e4, candles) / price / float(lot)))]).astype(
        np.int64
    )
    return Series(*ticks, cum, salt=seed)


def small_data(candles: int = 600, step_ms: int = 60_000) -> MarketData:
    """Two pairs: one dear, one nearly worthless."""
    made = []
    for seed, (base, price) in enumerate((("AAA", 25_000.0), ("ZZZ", 0.0000042))):
        tick, lot = tick_for(price), lot_for(price)
        listing = Listing(base, "USDT", tick, lot, Decimal(repr(price)))
        made.append(Instrument(listing, series(price, tick, lot, candles, seed), 0.0004))
    return MarketData("small", step_ms, made)


def small_market(speed: str = "60") -> Market:
    return Market(small_data(), Fraction(speed))


def small_exchange(path: Path, clock: Clock, market: Market | None = None) -> Exchange:
    """An exchange with its state in a file."""
    return Exchange(market or small_market(), Store(path, "small"), clock)
