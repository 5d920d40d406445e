"""Reading stored candles, from any process: month files in Parquet plus the hot window of the newest candles.

Layout under VAR_DIR/candles/<exchange>/<timeframe>/: `hot.npz` (all symbols, at most ~1000 candles) and
`<BASE_QUOTE>/<YYYY-MM>.parquet` with the columns open_time_ms, open, high, low, close, volume.
Where both have a candle, the hot window's is the newer truth. polars is imported only when a month file is touched.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from signals.candles.files import MONTH_FILES, hot_path, parts_of, series_lock, symbol_folder, write_atomically
from signals.candles.matrix import FIELDS, CandleMatrix, CandleTable
from signals.candles.months import CandleFileDamaged, month_read, month_write, ordered
from signals.domain.timeframes import open_time

__all__ = ["CandleFileDamaged", "Written", "history_read", "hot_read", "hot_write", "matrix_read", "months_write"]


@dataclass(frozen=True, slots=True)
class Written:
    """What a write changed: candles that were not there, and candles that were there with other numbers."""

    added: int = 0
    corrected: int = 0

    def __add__(self, other: "Written") -> "Written":
        return Written(self.added + other.added, self.corrected + other.corrected)


def history_read(
    *,
    exchange: str,
    symbol: str,
    timeframe: str,
    since_ms: int | None = None,
    until_ms: int | None = None,
    limit: int | None = None,
) -> CandleTable:
    """Closed candles with since_ms <= open time < until_ms; with `limit`, the newest so many of them.

    Raises CandleFileDamaged, in words, when a month file that is needed cannot be read.
    """
    hot = hot_read(exchange, timeframe).table(symbol)
    table = hot.between(since_ms, until_ms)
    enough = limit is not None and len(table) >= limit
    complete = since_ms is not None and len(hot) > 0 and hot.open_time_ms[0] <= since_ms
    if not enough and not complete:
        table = _months_read(exchange, symbol, timeframe, since_ms, until_ms, limit, table)
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
        status = path.stat()
    except FileNotFoundError:
        return CandleMatrix((), np.empty(0, np.int64), *(np.empty((0, 0)) for _ in FIELDS))
    return _hot_loaded(path, (status.st_mtime_ns, status.st_ino))


@lru_cache(maxsize=4)
def _hot_loaded(path: Path, _stamp: tuple[int, int]) -> CandleMatrix:
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


def months_write(exchange: str, symbol: str, timeframe: str, table: CandleTable) -> Written:
    """Merge candles into the month files they belong to; a candle already there is replaced.

    Writers of one series wait for each other. A file in which nothing changes is not touched. Raises
    CandleFileDamaged when a month file cannot be read: nothing is written over what a repair may still save.
    """
    written = Written()
    with series_lock(exchange, timeframe, symbol):
        for part in parts_of(symbol_folder(exchange, timeframe, symbol)):
            part.unlink(missing_ok=True)  # of a writer that was killed: living ones hold the lock
        for month, newer in months_split(table):
            path = symbol_folder(exchange, timeframe, symbol) / f"{month}.parquet"
            older = month_read(path) if path.exists() else CandleTable.empty()
            change = _change(older, newer)
            if change != Written():
                month_write(path, older.joined(newer))
            written += change
    return written


def months_split(table: CandleTable) -> list[tuple[str, CandleTable]]:
    """A table's candles by UTC month ("2024-03"), in order."""
    months = table.open_time_ms.astype("datetime64[ms]").astype("datetime64[M]")
    return [(str(month), table.where(months == month)) for month in np.unique(months)]


def month_paths(exchange: str, symbol: str, timeframe: str) -> list[Path]:
    """The month files of a series, oldest first."""
    return sorted(symbol_folder(exchange, timeframe, symbol).glob(MONTH_FILES))


def _change(older: CandleTable, newer: CandleTable) -> Written:
    _, mine, theirs = np.intersect1d(older.open_time_ms, newer.open_time_ms, assume_unique=True, return_indices=True)
    other = np.zeros(mine.size, bool)
    for name in FIELDS:
        before, after = getattr(older, name)[mine], getattr(newer, name)[theirs]
        other |= (before != after) & ~(np.isnan(before) & np.isnan(after))
    return Written(len(newer) - mine.size, int(other.sum()))


def _months_read(
    exchange: str,
    symbol: str,
    timeframe: str,
    since_ms: int | None,
    until_ms: int | None,
    limit: int | None,
    hot: CandleTable,
) -> CandleTable:
    """Month files joined under the hot window's candles, newest month first, until `limit` is reached."""
    first = "0000-00" if since_ms is None else f"{open_time(since_ms):%Y-%m}"
    last = "9999-99" if until_ms is None else f"{open_time(until_ms):%Y-%m}"
    older: list[CandleTable] = []
    enough = None if limit is None else limit + len(hot)  # the window may hide as many as it has
    for path in reversed(month_paths(exchange, symbol, timeframe)):
        if enough is not None and sum(map(len, older)) >= enough:
            break
        if first <= path.stem <= last:
            older.insert(0, month_read(path).between(since_ms, until_ms))
    if not older:
        return hot
    months = CandleTable(*(np.concatenate([getattr(one, name) for one in older]) for name in ("open_time_ms", *FIELDS)))
    return ordered(months).joined(hot) if len(hot) else ordered(months)
