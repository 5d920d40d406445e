"""Candle files of others: Parquet or CSV in, `timestamp, open, high, low, close, volume` out.

A time may be a datetime (without a zone it is UTC), an ISO text, or a number since 1970 in seconds, milli-, micro- or
nanoseconds (told apart by its size). Numbers may be any numeric type or text. Column names in any case.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from signals.candles.cleaning import NO_TIME, CandlesRefused
from signals.candles.files import write_atomically
from signals.candles.matrix import FIELDS, CandleTable
from signals.candles.months import TIME_NAMES, polars

SUFFIXES = (".parquet", ".csv")
ISO_FORMAT = "%Y-%m-%d %H:%M:%S%.f%#z"
ISO_FORMS = (  # to the one format above
    (r"^(\d{4}-\d\d-\d\d)T", "${1} "),
    (r"^(\d{4}-\d\d-\d\d)$", "${1} 00:00:00"),
    (r"(Z| ?UTC)$", "+00:00"),
    (r"^(\S+ \d\d:\d\d)($|[+-])", "${1}:00${2}"),
    (r"(:\d\d:\d\d(\.\d+)?)$", "${1}+00:00"),
)
UNITS = ((1e17, 1e-6), (1e14, 1e-3), (1e11, 1.0), (0.0, 1e3))  # from this size on: factor to milliseconds


def rows_read(path: Path) -> CandleTable:
    """The rows of a file as they stand in it: NO_TIME where a time is missing, NaN where a number is.

    Raises CandlesRefused, in words.
    """
    pl = polars()
    try:
        if path.stat().st_size == 0:
            raise CandlesRefused("The file is empty.")
        frame = pl.read_csv(path, infer_schema=False) if path.suffix == ".csv" else pl.read_parquet(path)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise CandlesRefused(f"It cannot be read as {path.suffix[1:]}: {str(error).splitlines()[0]}.") from error
    names = {name.lower(): name for name in frame.columns}
    time = next((names[name] for name in TIME_NAMES if name in names), None)
    if missing := [name for name in FIELDS if name not in names] + ([] if time else ["timestamp"]):
        raise CandlesRefused(f"It has no column {', '.join(missing)}.")
    values = (_numbers(frame[names[name]], name) for name in FIELDS)
    return CandleTable(_times(frame[time]), *values)


def frame_write(path: Path, table: CandleTable, as_csv: bool = False) -> None:
    """Write a file that `rows_read` reads back to the last bit; atomically."""
    pl = polars()
    times = pl.Series("timestamp", table.open_time_ms).cast(pl.Datetime("ms", "UTC"))
    frame = pl.DataFrame([times, *(pl.Series(name, getattr(table, name)) for name in FIELDS)])
    write = partial(frame.write_csv, datetime_format="%Y-%m-%dT%H:%M:%SZ") if as_csv else frame.write_parquet
    write_atomically(path, write)


def _numbers(column: Any, name: str) -> np.ndarray:
    if not (column.dtype.is_numeric() or column.dtype == polars().String):
        raise CandlesRefused(f"Its column {name} does not hold numbers but {column.dtype}.")
    return np.array(column.cast(polars().Float64, strict=False).to_numpy(), dtype=np.float64)


def _times(column: Any) -> np.ndarray:
    pl = polars()
    if column.dtype == pl.String:
        column = _text_times(column)
    if column.dtype == pl.Date:
        column = column.cast(pl.Datetime("ms"))
    if isinstance(column.dtype, pl.Datetime):
        return np.array(column.dt.epoch("ms").fill_null(int(NO_TIME)).to_numpy(), dtype=np.int64)
    if not column.dtype.is_numeric():
        raise CandlesRefused(f"Its times are no times but {column.dtype}.")
    numbers = column.cast(pl.Float64, strict=False).to_numpy() if column.null_count() else column.to_numpy()
    return _milliseconds(numbers)


def _text_times(column: Any) -> Any:
    """Numbers, or ISO dates and times."""
    pl = polars()
    for kind in (pl.Int64, pl.Float64):
        numbers = column.cast(kind, strict=False)
        if numbers.null_count() < len(column):
            return numbers
    text = column.str.strip_chars()
    for pattern, into in ISO_FORMS:
        text = text.str.replace(pattern, into)
    return text.str.to_datetime(ISO_FORMAT, strict=False, time_unit="ms", time_zone="UTC")


def _milliseconds(numbers: np.ndarray) -> np.ndarray:
    usable = np.isfinite(numbers)
    if not usable.any():
        return np.full(numbers.size, NO_TIME, np.int64)
    size = float(np.median(np.abs(numbers[usable].astype(np.float64))))
    factor = next(factor for least, factor in UNITS if size >= least)
    times = np.full(numbers.size, NO_TIME, np.int64)
    whole = numbers[usable].astype(np.int64)
    times[usable] = whole * int(factor) if factor >= 1 else whole // round(1 / factor)
    return times
