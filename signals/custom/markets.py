"""Seeded synthetic candles that a strategy is checked on: what markets do, and what feeds do wrong."""

import numpy as np

from signals.candles.matrix import CandleMatrix

STEP_MS = 300_000
NAMES = (
    "WALK1", "WALK2", "WALK3", "WILD", "TREND", "WAVE", "CONSTANT", "TINY", "SPIKES", "GAPS", "LATE", "NOVOLUME",
    "ONECANDLE", "EMPTY",
)  # fmt: skip


def check_matrix(length: int, seed: int = 11) -> CandleMatrix:
    """One lane for each of NAMES, `length` candles; the same for the same arguments."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0.0, 0.004, (len(NAMES), length))
    rows = {name: row for row, name in enumerate(NAMES)}
    steps[rows["WILD"]] *= 8.0
    steps[rows["TREND"]] += 0.003
    steps[rows["WAVE"]] = 0.02 * np.cos(np.arange(length) / 9.0)
    steps[rows["CONSTANT"]] = 0.0
    close = 100.0 * np.exp(np.cumsum(steps, axis=1))
    close[rows["SPIKES"], ::37] *= 6.0
    close[rows["TINY"]] *= 1e-11
    opens = np.concatenate((close[:, :1], close[:, :-1]), axis=1)
    spread = np.abs(rng.normal(0.0, 0.001, (2, *close.shape)))
    spread[:, rows["CONSTANT"]] = 0.0
    high, low = np.maximum(opens, close) * (1.0 + spread[0]), np.minimum(opens, close) * (1.0 - spread[1])
    volume = rng.lognormal(2.0, 1.0, close.shape)
    volume[rows["NOVOLUME"]] = 0.0
    prices = (opens, high, low, close, volume)
    _holes(prices, rows, rng)
    times = STEP_MS * np.arange(length, dtype=np.int64)
    return CandleMatrix(tuple(f"{name}/TEST" for name in NAMES), times, *prices)


def _holes(prices: tuple[np.ndarray, ...], rows: dict[str, int], rng: np.random.Generator) -> None:
    length = prices[0].shape[1]
    gaps = rng.integers(0, max(length, 1), max(length // 40, 1))
    for array in prices:
        array[rows["GAPS"], gaps] = np.nan
        array[rows["LATE"], : length // 3] = np.nan
        array[rows["ONECANDLE"], :-1] = np.nan
        array[rows["EMPTY"]] = np.nan
