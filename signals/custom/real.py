"""Real candles for a check: the Parquet files of a folder (timestamp, open, high, low, close, volume)."""

from pathlib import Path

import numpy as np

from signals.candles.matrix import FIELDS, CandleMatrix
from signals.candles.spacing import frame_change
from signals.domain.timeframes import MINUTE_MS

CANDLES, MARKETS = 3000, 20


def real_matrix(source: Path) -> CandleMatrix:
    """The newest candles of a file, or of files spread evenly over a folder.

    Raises ValueError when there are none, when a file is of more than one time frame, or two files are of different
    ones.
    """
    paths = [source] if source.is_file() else sorted(file for file in source.rglob("*.parquet") if file.is_file())
    if not paths:
        raise ValueError(f"There are no .parquet files in {source}.")
    picked = paths[:: max(1, len(paths) // MARKETS)][:MARKETS]
    frames = [_read(path) for path in picked]
    steps = {
        int(np.diff(times).min()): path.name for path, (times, _) in zip(picked, frames, strict=True) if times.size > 1
    }
    if len(steps) > 1:
        told = ", ".join(f"{name} {step / MINUTE_MS:g} min" for step, name in steps.items())
        raise ValueError(f"{source} holds candles of several time frames ({told}). Name a folder of one.")
    times = np.unique(np.concatenate([times for times, _ in frames]))[-CANDLES:]
    values = np.full((len(FIELDS), len(frames), times.size), np.nan)
    for row, (own, columns) in enumerate(frames):
        kept = np.isin(own, times)
        values[:, row, np.searchsorted(times, own[kept])] = columns[:, kept]
    return CandleMatrix(tuple(path.stem.replace("_", "/") for path in picked), times, *values)


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    import polars as pl  # late: heavy

    try:
        frame = pl.read_parquet(path, columns=["timestamp", *FIELDS]).unique("timestamp", keep="last")
        frame = frame.sort("timestamp").tail(CANDLES)
        times = frame["timestamp"].cast(pl.Datetime("ms")).cast(pl.Int64).to_numpy()
    except (pl.exceptions.PolarsError, OSError) as error:
        why = str(error).splitlines()[0].rstrip(".")
        raise ValueError(f"{path.name} holds no candles that can be read: {why}.") from error
    if bad := frame_change(np.diff(times)):
        raise ValueError(f"{path.name} mixes time frames: they change in row {bad + 1} of its newest {CANDLES}.")
    return times, np.stack([frame[name].cast(pl.Float64).to_numpy() for name in FIELDS])
