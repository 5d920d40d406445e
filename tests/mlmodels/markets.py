"""Small seeded markets for the tests of learning."""

import os
from pathlib import Path

import numpy as np
import pytest

from signals.candles.matrix import CandleMatrix

START_MS = 1_700_000_040_000
MINUTE_MS = 60_000


def candles_from_changes(change: np.ndarray, rng: np.random.Generator, size: float) -> CandleMatrix:
    """Candles whose closes follow the log changes (symbols, time); wicks and volume are noise."""
    symbols, steps = change.shape
    start = 10.0 ** rng.uniform(-5, 4, (symbols, 1))
    close = start * np.exp(np.cumsum(change, axis=1))
    opened = np.concatenate((start, close[:, :-1]), axis=1)
    high = np.maximum(opened, close) * (1 + rng.exponential(size / 3, change.shape))
    low = np.minimum(opened, close) * (1 - np.minimum(rng.exponential(size / 3, change.shape), 0.5))
    volume = rng.lognormal(3.0, 0.5, change.shape)
    times = START_MS + MINUTE_MS * np.arange(steps, dtype=np.int64)
    return CandleMatrix(tuple(f"C{i:02d}/USDT" for i in range(symbols)), times, opened, high, low, close, volume)


def random_walk(seed: int, symbols: int = 12, steps: int = 900, size: float = 0.006) -> CandleMatrix:
    """A market without memory: one common factor and noise of its own per symbol. Nothing can be predicted."""
    rng = np.random.default_rng(seed)
    common = rng.normal(0, size * 0.5, (1, steps))
    return candles_from_changes(common + rng.normal(0, size, (symbols, steps)), rng, size)


def planted(seed: int, symbols: int = 12, steps: int = 900, size: float = 0.006) -> CandleMatrix:
    """A market with a pattern: each symbol has long stretches that drift up or down, by more than the costs."""
    rng = np.random.default_rng(seed)
    turns = rng.random((symbols, steps)) < 1 / 60
    state = np.where(np.cumsum(turns, axis=1) % 2 == (np.arange(symbols) % 2)[:, None], 1.0, -1.0)
    return candles_from_changes(state * size * 0.6 + rng.normal(0, size, (symbols, steps)), rng, size)


def costs(matrix: CandleMatrix, each: float = 0.0025) -> np.ndarray:
    """The same round trip for every symbol."""
    return np.full(len(matrix.symbols), each)


def real_market(symbols: int, steps: int) -> CandleMatrix:
    """Real five-minute candles from XRAY_MARKET_DATA; the test is skipped with a reason without them."""
    import polars

    root = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("XRAY_MARKET_DATA") or root.parent / "shared" / "market-data") / "binance-spot" / "5m"
    files = sorted(folder.glob("*.parquet"))[:symbols] if folder.is_dir() else []
    if not files:
        pytest.skip("No real candles: set XRAY_MARKET_DATA to the folder that holds binance-spot/5m.")
    tables = [polars.read_parquet(file).tail(steps) for file in files]
    stacked = np.stack([table.select("open", "high", "low", "close", "volume").to_numpy().T for table in tables])
    times = tables[0]["timestamp"].dt.epoch("ms").to_numpy()
    names = tuple(file.stem.replace("_", "/") for file in files)
    return CandleMatrix(names, times, *(np.ascontiguousarray(stacked[:, side]) for side in range(5)))
