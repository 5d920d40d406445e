"""One month file: Parquet (zstd) with open_time_ms int64 and five float64 columns, and a checksum of its content.

Reading is strict: what is not a table of candles is refused in words. Parquet itself notices a cut file, but not a
changed bit in the data, so the checksum goes into the file's metadata and every reader compares it (0.3 ms a month of
one-minute candles).
"""

import os
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from signals.candles.files import write_atomically
from signals.candles.matrix import FIELDS, CandleTable

COLUMNS = ("open_time_ms", *FIELDS)
CHECKSUM = "xray.crc32"
TIME_NAMES = ("open_time_ms", "timestamp", "open_time", "time", "datetime", "date")


class CandleFileDamaged(ValueError):
    """A candle file that cannot be read; its text says which, why, and how to repair it."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"The candle file {'/'.join(path.parts[-4:])} is damaged: {reason} "
            "`manage.py candles repair` sets it aside and fetches its candles again."
        )
        self.path, self.reason = path, reason


def polars() -> Any:
    """polars, imported late: it costs memory that most processes never need."""
    os.environ.setdefault("POLARS_MAX_THREADS", "2")  # small files: more threads cost memory and win nothing
    import polars as module

    return module


def month_read(path: Path) -> CandleTable:
    """All candles of a file, by time, of equal times the last one (`check` reports such files). Do not write into its
    arrays. Raises CandleFileDamaged, also for a changed bit: what is read is computed with, exported, and written back
    under a checksum of its own.
    """
    return ordered(month_verify(path))


def month_rows(path: Path) -> CandleTable:
    """The rows of a file as they stand in it. Raises CandleFileDamaged."""
    pl = polars()
    try:
        frame = pl.read_parquet(path)
        return frame_rows(frame)
    except FileNotFoundError:
        raise
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        if path.exists() and path.stat().st_size == 0:
            raise CandleFileDamaged(path, "it is empty.") from error
        raise CandleFileDamaged(path, f"{_first_line(error)}.") from error


def frame_rows(frame: Any) -> CandleTable:
    """The rows of a polars frame with a time column (int64 milliseconds or any datetime) and five numeric columns.

    Raises ValueError naming the column that is missing or of another kind.
    """
    pl = polars()
    time = next((name for name in TIME_NAMES if name in frame.columns), None)
    missing = [name for name in FIELDS if name not in frame.columns] + ([] if time else ["open_time_ms"])
    if missing:
        raise ValueError(f"it has no column {', '.join(missing)}")
    times = frame[time]
    if isinstance(times.dtype, pl.Datetime | pl.Date):
        times = times.cast(pl.Datetime("ms")) if times.dtype == pl.Date else times
        times = times.dt.epoch("ms")
    if not times.dtype.is_integer() or times.null_count():
        raise ValueError(f"its column {time} does not hold open times (whole milliseconds or datetimes)")
    if bad := [name for name in FIELDS if not frame[name].dtype.is_numeric()]:
        raise ValueError(f"its column {', '.join(bad)} does not hold numbers")
    return CandleTable(_array(times, np.int64), *(_array(frame[name], np.float64) for name in FIELDS))


def _array(column: Any, kind: Any) -> np.ndarray:
    """The column's own memory where it is of this kind already: not to be written into. Nulls become NaN."""
    return np.asarray(column.to_numpy(), dtype=kind)


def month_write(path: Path, table: CandleTable) -> None:
    """Replace a file atomically. zstd's default level: higher ones save 4 to 7 % and cost several times as long."""
    frame = polars().DataFrame({name: getattr(table, name) for name in COLUMNS})
    metadata = {CHECKSUM: str(checksum(table))}
    write_atomically(path, partial(frame.write_parquet, compression="zstd", metadata=metadata))


def month_verify(path: Path) -> CandleTable:
    """The rows as they stand in the file, compared with its checksum (files without one are taken as they are).

    Raises CandleFileDamaged.
    """
    rows, pl = month_rows(path), polars()
    try:
        noted = pl.read_parquet_metadata(path).get(CHECKSUM)
    except pl.exceptions.PolarsError as error:
        raise CandleFileDamaged(path, f"{_first_line(error)}.") from error
    if noted is not None and noted != str(checksum(rows)):
        raise CandleFileDamaged(path, "its content does not match its checksum.")
    return rows


def checksum(table: CandleTable) -> int:
    """CRC-32 over the bytes of all columns."""
    value = 0
    for name in COLUMNS:
        value = zlib.crc32(np.ascontiguousarray(getattr(table, name)).tobytes(), value)
    return value


def ordered(table: CandleTable) -> CandleTable:
    """By open time; of equal times the last row."""
    times = table.open_time_ms
    if times.size < 2 or bool((np.diff(times) > 0).all()):
        return table
    order = np.argsort(times, kind="stable")
    last = np.append(np.diff(times[order]) > 0, True)
    return table.where(order[last])


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:200]
