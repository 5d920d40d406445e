"""100 real pairs, and what freqtrade takes to analyse them, for every benchmark that is compared with it."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from bench.peers.running import peer_run
from signals.candles.matrix import FIELDS, CandleMatrix

PAIRS, CANDLES = 100, 1000


@lru_cache(maxsize=1)
def real_matrix() -> CandleMatrix:
    """The last 1000 candles of 100 real pairs from XRAY_MARKET_DATA (default ../shared/market-data), side by side.

    Pairs end at different times: each lane has its own last candles, on the first one's time grid.
    Raises FileNotFoundError without the data.
    """
    import polars as pl

    from bench.peers.running import ROOT

    folder = Path(os.environ.get("XRAY_MARKET_DATA") or ROOT.parent / "shared" / "market-data")
    files = sorted((folder / "binance-spot" / "5m").glob("*.parquet"))[:PAIRS]
    if len(files) < PAIRS:
        raise FileNotFoundError(
            f"{PAIRS} pairs of 5m candles are needed in {folder}/binance-spot/5m; set XRAY_MARKET_DATA."
        )
    frames = [pl.read_parquet(file).sort("timestamp").tail(CANDLES) for file in files]
    times = frames[0]["timestamp"].cast(pl.Datetime("ms")).cast(pl.Int64).to_numpy()
    arrays = (np.stack([frame[name].to_numpy() for frame in frames]) for name in FIELDS)
    return CandleMatrix(tuple(file.stem.replace("_", "/") for file in files), times, *arrays)


def freqtrade_seconds(*, cores: set[int] | None = None) -> dict[str, Any]:
    """`seconds` (best of nine) and `median` of `analyze` on `real_matrix()`, on one core unless told otherwise."""
    matrix = real_matrix()
    arrays = {"time": matrix.open_time_ms} | {name: getattr(matrix, name) for name in FIELDS}
    return peer_run("freqtrade", "freqtrade_analyze", arrays, cores=cores or {min(os.sched_getaffinity(0))})
