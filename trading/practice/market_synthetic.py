"""A seeded market that never existed: regimes, volatility clusters, fat tails, coins that move together.

Every process is periodic (shaped in the frequency domain), and each coin's returns add up to nothing, so the data
loops without a jump. One base candle is one market minute.
"""

import math
import zlib
from decimal import Decimal

import numpy as np

from trading.practice.market import Instrument, MarketData
from trading.practice.symbols import Listing, lot_for, tick_for
from trading.practice.tape import Series

STEP_MS = 60_000
CANDLES = 96 * 24 * 60
QUOTE = "USDT"
TAIL = 4.0  # degrees of freedom of Student's t: fat tails with a variance

# base, price, volatility a minute in basis points, quote volume a day in millions, sector
COINS = (
    ("BTC", 96_000.0, 5.0, 1500.0, "major"), ("ETH", 3_400.0, 6.5, 900.0, "major"), ("BNB", 640.0, 6.0, 250.0, "major"),
    ("SOL", 210.0, 8.5, 500.0, "chain"), ("XRP", 1.45, 8.0, 400.0, "payment"), ("ADA", 0.82, 9.0, 120.0, "chain"),
    ("DOGE", 0.38, 9.5, 300.0, "meme"), ("AVAX", 36.0, 9.0, 90.0, "chain"), ("LINK", 15.2, 8.5, 80.0, "defi"),
    ("DOT", 6.1, 8.5, 50.0, "chain"), ("LTC", 91.0, 7.0, 60.0, "payment"), ("BCH", 485.0, 7.5, 40.0, "payment"),
    ("UNI", 9.3, 9.5, 45.0, "defi"), ("ATOM", 6.4, 8.5, 30.0, "chain"), ("NEAR", 5.7, 10.0, 55.0, "chain"),
    ("APT", 11.4, 10.0, 40.0, "chain"), ("ARB", 0.74, 10.5, 50.0, "layer"), ("OP", 1.93, 10.5, 45.0, "layer"),
    ("FIL", 4.6, 9.5, 30.0, "infra"), ("INJ", 24.5, 11.0, 25.0, "defi"), ("AAVE", 172.0, 10.0, 30.0, "defi"),
    ("SUI", 3.4, 11.0, 130.0, "chain"), ("SEI", 0.52, 11.5, 30.0, "chain"), ("PEPE", 0.0000194, 12.5, 200.0, "meme"),
    ("SHIB", 0.0000246, 10.0, 110.0, "meme"), ("BONK", 0.0000421, 13.0, 60.0, "meme"),
    ("WIF", 3.1, 13.5, 70.0, "meme"), ("FET", 1.31, 11.0, 35.0, "infra"), ("GRT", 0.21, 10.0, 15.0, "infra"),
    ("GALA", 0.027, 11.0, 20.0, "game"), ("SAND", 0.36, 10.0, 15.0, "game"), ("XLM", 0.24, 8.5, 30.0, "payment"),
    ("TRX", 0.2, 5.0, 70.0, "payment"), ("ORBIT", 0.0487, 14.0, 2.5, "game"), ("LUMEN", 18_500.0, 9.0, 3.0, "infra"),
    ("MOTE", 0.0000024, 16.0, 1.2, "meme"),
)  # fmt: skip


def synthetic_market(seed: int) -> MarketData:
    """All coins for a seed; the same seed gives the same market on every run."""
    shared = _generator(seed, "market")
    mood = _volatility(shared, 0.45)
    market = _shocks(shared) * mood
    sectors = {name: _shocks(_generator(seed, "sector " + name)) * mood for name in {coin[4] for coin in COINS}}
    drift = _smooth(shared, 2 * 1440) * 0.022  # slow regimes: days of up and of down
    coins = [_instrument(seed, coin, market, sectors[coin[4]], drift) for coin in COINS]
    return MarketData(f"synthetic seed {seed}", STEP_MS, coins)


def _generator(seed: int, name: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))


def _smooth(rng: np.random.Generator, memory: float) -> np.ndarray:
    """A periodic AR(1)-like Gaussian process of unit variance that forgets after ``memory`` candles."""
    waves = np.fft.rfftfreq(CANDLES) * 2 * math.pi * memory
    spectrum = np.fft.rfft(rng.standard_normal(CANDLES)) / np.sqrt(1 + waves**2)
    series = np.fft.irfft(spectrum, CANDLES)
    return (series - series.mean()) / series.std()


def _volatility(rng: np.random.Generator, strength: float) -> np.ndarray:
    """Positive multiplier around one: clusters of an hour within regimes of a day, and the day's own rhythm."""
    rhythm = 0.25 * np.sin(np.arange(CANDLES) * 2 * math.pi / 1440)
    level = strength * (0.7 * _smooth(rng, 60) + 0.7 * _smooth(rng, 1440)) + rhythm
    return np.exp(level - level.var() / 2)


def _shocks(rng: np.random.Generator) -> np.ndarray:
    """Fat-tailed noise of unit variance."""
    return rng.standard_t(TAIL, CANDLES) * math.sqrt((TAIL - 2) / TAIL)


def _instrument(seed: int, coin: tuple, market: np.ndarray, sector: np.ndarray, drift: np.ndarray) -> Instrument:
    base, price, basis_points, millions, _ = coin
    rng = _generator(seed, "coin " + base)
    scale = basis_points * 1e-4 * _volatility(rng, 0.35)
    own = _smooth(rng, 1080) * 0.022  # a coin's own story: the better part of a day
    returns = scale * (0.6 * market + 0.4 * sector + 0.65 * _shocks(rng) + drift + own)
    returns -= returns.mean()
    tick, lot = tick_for(price), lot_for(price)
    candles = _candles(rng, price / float(tick), returns, scale)
    minute_lots = millions * 1e6 / 1440 / price / float(lot)
    cum = _volume(rng, minute_lots, returns / scale, scale / scale.mean())
    listing = Listing(base, QUOTE, tick, lot, Decimal(repr(price)))
    spread = min(0.002, max(0.00004, 0.0004 / math.sqrt(millions)))
    return Instrument(listing, Series(**candles, cum=cum, salt=int(rng.integers(2**62))), spread)


def _candles(rng: np.random.Generator, price: float, returns: np.ndarray, scale: np.ndarray) -> dict[str, np.ndarray]:
    """Open, high, low, close in ticks; each candle opens where the one before closed, the first after the last."""
    path = np.cumsum(returns)
    close = price * np.exp(path - path.mean())
    first = np.roll(close, 1)
    reach = np.abs(rng.standard_normal((2, CANDLES))) * scale * 0.6
    high = np.maximum(first, close) * (1 + reach[0])
    low = np.minimum(first, close) * (1 - reach[1])
    columns = {"open": first, "high": high, "low": low, "close": close}
    return {name: np.maximum(np.rint(column), 1).astype(np.int32) for name, column in columns.items()}


def _volume(rng: np.random.Generator, lots: float, moves: np.ndarray, mood: np.ndarray) -> np.ndarray:
    """Cumulative lots: more in big moves and in wild times, at least a few in every minute."""
    size = (0.4 + 0.6 * np.abs(moves)) * mood * np.exp(0.6 * rng.standard_normal(CANDLES) - 0.18)
    volume = np.maximum(np.rint(lots * size), 8).astype(np.int64)
    return np.concatenate([[0], np.cumsum(volume)])
