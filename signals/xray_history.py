"""The history of the X-ray in Parquet: VAR_DIR/xray/<exchange>/<timeframe>/<YYYY-MM-DD>.parquet, one row a candle and
symbol, kept KEPT_DAYS.

A day's file is replaced atomically, in batches of some candles: what is not written yet is computed again from the hot
window, so nothing is lost with a process. Columns: open_time_ms (int64), symbol, regime (text), the scores (float32,
null where unknown). polars is imported only when a file is touched.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from signals.candles.files import series_lock, write_atomically
from signals.candles.months import polars
from signals.domain.timeframes import open_time

SCORES = (
    "strength", "trend", "momentum", "volatility", "volume", "support", "resistance", "liquidity", "potential",
)  # fmt: skip
COLUMNS = ("open_time_ms", "symbol", "regime", *SCORES)
KEPT_DAYS = 30
DIGITS = 4  # places a score is kept with: enough to look at, and it packs well
DAY_FILES = "????-??-??.parquet"
LAST = "xray.last_open_ms"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Block:
    """Candles of many symbols: int64 times (time,), regime names and scores (symbols, time), NaN where unknown."""

    symbols: Sequence[str]
    open_time_ms: np.ndarray
    regime: np.ndarray
    scores: dict[str, np.ndarray]
    present: np.ndarray  # bool (symbols, time): where there is a candle


def folder(exchange: str, timeframe: str) -> Path:
    """Where the day files of a market are."""
    return Path(settings.VAR_DIR) / "xray" / exchange / timeframe


def history_last_ms(exchange: str, timeframe: str) -> int | None:
    """Open time of the newest candle that is stored; None when nothing is (or nothing can be read)."""
    paths = sorted(folder(exchange, timeframe).glob(DAY_FILES), reverse=True)
    for path in paths:
        try:
            return int(polars().read_parquet_metadata(path)[LAST])
        except Exception as error:  # polars raises several kinds, and a file may lack the entry
            log.warning("The X-ray history %s cannot be read and is passed over: %s", path.name, error)
    return None


def history_write(exchange: str, timeframe: str, block: Block) -> int:
    """Add these candles to their day files; of a candle and symbol that is there already the new row counts.

    Returns how many rows were given. Days older than KEPT_DAYS before the newest candle are removed.
    """
    if not block.open_time_ms.size:
        return 0
    with series_lock(exchange, timeframe, "xray"):
        days = block.open_time_ms.astype("datetime64[ms]").astype("datetime64[D]")
        written = sum(_day_write(exchange, timeframe, str(day), _frame(block, days == day)) for day in np.unique(days))
        _old_remove(exchange, timeframe, int(block.open_time_ms[-1]))
    return written


def history_read(
    *, exchange: str, timeframe: str, symbol: str, since_ms: int | None = None, until_ms: int | None = None,
    limit: int = 500,
) -> list[dict[str, Any]]:  # fmt: skip
    """The newest `limit` rows of a symbol with since_ms <= open time < until_ms, oldest first, as {column: value}."""
    rows: list[dict[str, Any]] = []
    for frame in _frames(exchange, timeframe, since_ms, until_ms):
        pl = polars()
        mine = frame.filter(pl.col("symbol") == symbol)
        mine = mine if since_ms is None else mine.filter(pl.col("open_time_ms") >= since_ms)
        mine = mine if until_ms is None else mine.filter(pl.col("open_time_ms") < until_ms)
        rows = mine.sort("open_time_ms").to_dicts() + rows
        if len(rows) >= limit:
            break
    return rows[-limit:]


def _frames(exchange: str, timeframe: str, since_ms: int | None, until_ms: int | None) -> Iterator[Any]:
    """Day files that may hold the range, newest first; damaged ones are passed over with a warning."""
    first = "" if since_ms is None else f"{open_time(since_ms):%Y-%m-%d}"
    last = "9999" if until_ms is None else f"{open_time(until_ms):%Y-%m-%d}"
    for path in sorted(folder(exchange, timeframe).glob(DAY_FILES), reverse=True):
        if first <= path.stem <= last and (frame := _loaded(path)) is not None:
            yield frame


def _frame(block: Block, columns: np.ndarray) -> Any:
    """The rows of some columns (bool (time,)) as a frame, by candle and symbol."""
    pl, there = polars(), block.present[:, columns].T
    at, who = np.nonzero(there)
    data: dict[str, Any] = {
        "open_time_ms": block.open_time_ms[columns][at],
        "symbol": np.array(block.symbols, dtype=object)[who].tolist(),
        "regime": block.regime[:, columns].T[there].tolist(),
    }
    for name in SCORES:
        values = np.round(block.scores[name][:, columns].T[there], DIGITS).astype(np.float32)
        data[name] = pl.Series(name, values, nan_to_null=True)
    return pl.DataFrame(data)


def _day_write(exchange: str, timeframe: str, day: str, newer: Any) -> int:
    pl, path = polars(), folder(exchange, timeframe) / f"{day}.parquet"
    older = _loaded(path) if path.exists() else None
    frame = newer if older is None else pl.concat([older, newer])
    frame = frame.unique(["open_time_ms", "symbol"], keep="last").sort("open_time_ms", "symbol")
    if frame.height:
        last = {LAST: str(frame["open_time_ms"].max())}
        write_atomically(path, partial(frame.write_parquet, compression="zstd", metadata=last))
    return int(newer.height)


def _loaded(path: Path) -> Any:
    """A day file, None when it is damaged (it is replaced by the next write)."""
    try:
        return polars().read_parquet(path, columns=list(COLUMNS))
    except Exception as error:  # polars raises several kinds for a damaged file
        log.warning("The X-ray history %s cannot be read and is passed over: %s", path.name, error)
        return None


def _old_remove(exchange: str, timeframe: str, newest_ms: int) -> None:
    oldest = f"{open_time(newest_ms) - timedelta(days=KEPT_DAYS):%Y-%m-%d}"
    for path in folder(exchange, timeframe).glob(DAY_FILES):
        if path.stem < oldest:
            path.unlink(missing_ok=True)
