"""One-second candles on disk: `candles/<exchange>/1s/<YYYY-MM-DD>/<HHMM>.parquet`, all symbols of five minutes a file.

A file is written anew each minute while its five minutes last, atomically like every candle file. Gaps are not stored:
what is not there was not heard.
"""

from functools import partial
from pathlib import Path

import numpy as np

from signals.candles.files import series_folder, write_atomically
from signals.candles.months import polars
from signals.candles.seconds import COLUMNS, Seconds
from signals.domain.timeframes import open_time

TIMEFRAME = "1s"
CHUNK_MS = 300_000


def seconds_write(exchange: str, rows: dict[str, Seconds]) -> int:
    """Merge seconds into the files they belong to (newer ones win). Returns how many were stored."""
    pl, parts = polars(), []
    for symbol, seconds in rows.items():
        heard = ~seconds.gap
        columns = {name: seconds.values[number, heard] for number, name in enumerate(COLUMNS)}
        parts.append(
            pl.DataFrame({"open_time_ms": seconds.open_time_ms[heard], **columns}).with_columns(symbol=pl.lit(symbol))
        )
    if not parts:
        return 0
    frame = pl.concat(parts)
    for (chunk,), newer in frame.group_by(pl.col("open_time_ms") // CHUNK_MS):
        path = _path(exchange, int(chunk) * CHUNK_MS)
        older = [pl.read_parquet(path)] if path.exists() else []
        merged = pl.concat([*older, newer]).unique(["symbol", "open_time_ms"], keep="last", maintain_order=True)
        ordered = merged.sort("symbol", "open_time_ms")
        write_atomically(path, partial(ordered.write_parquet, compression="zstd"))
    return int(frame.height)


def seconds_history(exchange: str, symbol: str, since_ms: int, until_ms: int) -> Seconds:
    """Stored seconds with since_ms <= open time < until_ms; those that were not heard are left out."""
    pl = polars()
    starts = range(since_ms // CHUNK_MS * CHUNK_MS, until_ms, CHUNK_MS)
    paths = [path for at in starts if (path := _path(exchange, at)).exists()]
    if not paths:
        return Seconds.empty()
    wanted = (pl.col("symbol") == symbol) & pl.col("open_time_ms").is_between(since_ms, until_ms - 1)
    frame = pl.concat([pl.read_parquet(path).filter(wanted) for path in paths])
    return Seconds(frame["open_time_ms"].to_numpy(), np.stack([frame[name].to_numpy() for name in COLUMNS]))


def _path(exchange: str, at_ms: int) -> Path:
    begins = open_time(at_ms)
    return series_folder(exchange, TIMEFRAME) / f"{begins:%Y-%m-%d}" / f"{begins:%H%M}.parquet"
