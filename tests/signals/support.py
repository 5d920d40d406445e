"""Candles and an exchange that only exists in memory, for the tests of this room."""

from pathlib import Path

import numpy as np

from signals.candles.matrix import FIELDS, CandleMatrix

MINUTE = 60_000
START = 1_700_000_040_000 // MINUTE * MINUTE


def walk_matrix(lanes: int, length: int, *, scale: float = 1.0, seed: int = 1) -> CandleMatrix:
    rng = np.random.default_rng(seed)
    close = scale * np.exp(np.cumsum(rng.normal(0, 0.003, (lanes, length)), axis=1))
    opens = np.concatenate((close[:, :1], close[:, :-1]), axis=1)
    high = np.maximum(opens, close) * (1 + np.abs(rng.normal(0, 0.001, close.shape)))
    low = np.minimum(opens, close) * (1 - np.abs(rng.normal(0, 0.001, close.shape)))
    times = START + MINUTE * np.arange(length, dtype=np.int64)
    symbols = tuple(f"C{i}/USDT" for i in range(lanes))
    return CandleMatrix(symbols, times, opens, high, low, close, np.full(close.shape, 10.0))


def holed_matrix(lanes: int, length: int) -> CandleMatrix:
    """A walk in which a third of the lanes begins late and a third has holes and unusable candles."""
    matrix, rng = walk_matrix(lanes, length), np.random.default_rng(9)
    for lane in range(lanes):
        if lane % 3 == 1:
            for name in FIELDS:
                getattr(matrix, name)[lane, : int(rng.integers(1, length // 2))] = np.nan
        if lane % 3 == 2:
            for at in rng.integers(0, length, 4):
                matrix.close[lane, at] = rng.choice([np.nan, np.inf, 0.0, -1.0])
    return matrix


def real_matrix(folder: Path, pairs: int, length: int) -> CandleMatrix:
    """The first `length` candles of evenly picked real pairs."""
    import polars as pl

    paths = sorted(folder.glob("*/*/*.parquet"))
    picked = paths[:: max(1, len(paths) // pairs)][:pairs]
    frames = [pl.read_parquet(path).head(length) for path in picked]
    values = [np.array([frame[name].to_numpy() for frame in frames]) for name in FIELDS]
    return CandleMatrix(tuple(path.stem for path in picked), np.arange(length, dtype=np.int64) * 300_000, *values)


class MemoryExchange:
    """What the services ask of a ccxt client, answered from a matrix. `broken` symbols raise, `hidden` candles are
    not there."""

    def __init__(self, matrix: CandleMatrix) -> None:
        self.matrix, self.broken, self.hidden, self.asked = matrix, {}, set(), []

    @staticmethod
    def parse_timeframe(timeframe: str) -> int:
        return {"1m": 60, "5m": 300}[timeframe]

    async def fetch_ohlcv(self, symbol: str, _timeframe: str, since: int, limit: int) -> list[list[float]]:
        self.asked.append((symbol, since, limit))
        if symbol in self.broken:
            raise self.broken[symbol]
        table = self.matrix.table(symbol).between(since, None)
        columns = [table.open_time_ms, *(getattr(table, name) for name in FIELDS)]
        rows = [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]
        return [row for row in rows if (symbol, row[0]) not in self.hidden][:limit]
