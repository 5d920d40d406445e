"""Reading stored candles, from any process: month files in Parquet plus the hot window of the newest candles.

Layout under VAR_DIR/candles/<exchange>/<timeframe>/: `hot.npz` (all symbols, at most ~1000 candles) and
`<BASE_QUOTE>/<YYYY-MM>.parquet` with the columns open_time_ms, open, high, low, close, volume.
Where both have a candle, the hot window's is the newer truth. polars is imported only when a month file is touched.
"""

import os
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from signals.candles.files import hot_path, symbol_folder, write_atomically
from signals.candles.matrix import FIELDS, CandleMatrix, CandleTable
from signals.domain.timeframes import open_time

COLUMNS = ("open_time_ms", *FIELDS)


def history_read(
    *,
    exchange: str,
    symbol: str,
    timeframe: str,
    since_ms: int | None = None,
    until_ms: int | None = None,
    limit: int | None = None,
) -> CandleTable:
    """Closed candles with since_ms <= open time < until_ms; with `limit`, the newest so many of them."""
    hot = hot_read(exchange, timeframe).table(symbol)
    table = hot.between(since_ms, until_ms)
    enough = limit is not None and len(table) >= limit
    complete = since_ms is not None and len(hot) > 0 and hot.open_time_ms[0] <= since_ms
    if not enough and not complete:
        table = _months_read(exchange, symbol, timeframe, since_ms, until_ms).joined(table)
    return table if limit is None else table.where(slice(max(len(table) - limit, 0), None))


def matrix_read(*, exchange: str, timeframe: str, symbols: tuple[str, ...], limit: int) -> CandleMatrix:
    """The newest `limit` candles of these symbols on one grid, NaN where a symbol has none."""
    hot = hot_read(exchange, timeframe)
    if hot.open_time_ms.size >= limit:
        newest = hot.pick(symbols)
        return CandleMatrix(
            newest.symbols, newest.open_time_ms[-limit:], *(getattr(newest, name)[:, -limit:] for name in FIELDS)
        )
    tables = [history_read(exchange=exchange, symbol=one, timeframe=timeframe, limit=limit) for one in symbols]
    return matrix_of(symbols, tables, limit)


def matrix_of(symbols: tuple[str, ...], tables: list[CandleTable], limit: int | None = None) -> CandleMatrix:
    """Tables side by side on the grid of all their open times (the newest `limit` of them)."""
    grids = [table.open_time_ms for table in tables]
    grid = np.unique(np.concatenate(grids)) if grids else np.empty(0, np.int64)
    grid = grid if limit is None else grid[max(grid.size - limit, 0) :]
    values = np.full((len(FIELDS), len(tables), grid.size), np.nan)
    for row, table in enumerate(tables):
        recent = table.between(int(grid[0]), None) if grid.size else table
        spots = np.searchsorted(grid, recent.open_time_ms)
        for index, name in enumerate(FIELDS):
            values[index, row, spots] = getattr(recent, name)
    return CandleMatrix(symbols, grid, *values)


def hot_read(exchange: str, timeframe: str) -> CandleMatrix:
    """The hot window (empty when there is none). Do not write into its arrays: they are shared by all readers."""
    path = hot_path(exchange, timeframe)
    try:
        stamp = path.stat().st_mtime_ns
    except FileNotFoundError:
        return CandleMatrix((), np.empty(0, np.int64), *(np.empty((0, 0)) for _ in FIELDS))
    return _hot_loaded(path, stamp)


@lru_cache(maxsize=4)
def _hot_loaded(path: Path, _stamp: int) -> CandleMatrix:
    with np.load(path, allow_pickle=False) as file:
        values = file["values"]
        values.flags.writeable = False
        return CandleMatrix(tuple(file["symbols"].tolist()), file["open_time_ms"], *values)


def hot_write(exchange: str, timeframe: str, matrix: CandleMatrix) -> None:
    """Replace the hot window (only the process that scans this exchange and timeframe does)."""
    values = np.stack([getattr(matrix, name) for name in FIELDS])
    symbols = np.array(matrix.symbols, dtype=np.str_)
    write_atomically(
        hot_path(exchange, timeframe),
        lambda file: np.savez(file, symbols=symbols, open_time_ms=matrix.open_time_ms, values=values),
    )


def months_write(exchange: str, symbol: str, timeframe: str, table: CandleTable) -> None:
    """Merge candles into the month files they belong to; a candle already there is replaced."""
    months = np.array([f"{open_time(int(ms)):%Y-%m}" for ms in table.open_time_ms])
    for month in np.unique(months):
        path = symbol_folder(exchange, timeframe, symbol) / f"{month}.parquet"
        newer = table.where(months == month)
        merged = _month_read(path).joined(newer) if path.exists() else newer
        frame = _polars().DataFrame({name: getattr(merged, name) for name in COLUMNS})
        write_atomically(path, partial(frame.write_parquet, compression="zstd"))


def _months_read(exchange: str, symbol: str, timeframe: str, since_ms: int | None, until_ms: int | None) -> CandleTable:
    first = "0000-00" if since_ms is None else f"{open_time(since_ms):%Y-%m}"
    last = "9999-99" if until_ms is None else f"{open_time(until_ms):%Y-%m}"
    paths = sorted(symbol_folder(exchange, timeframe, symbol).glob("????-??.parquet"))
    table = CandleTable.empty()
    for path in paths:
        if first <= path.stem <= last:
            table = table.joined(_month_read(path))
    return table.between(since_ms, until_ms)


def _month_read(path: Path) -> CandleTable:
    frame = _polars().read_parquet(path, columns=list(COLUMNS))
    return CandleTable(*(frame[name].to_numpy().copy() for name in COLUMNS))


def _polars() -> Any:
    os.environ.setdefault("POLARS_MAX_THREADS", "2")  # small files: more threads cost memory and win nothing
    import polars

    return polars
