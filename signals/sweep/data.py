"""Candles of one file for a sweep, cleaned by stated rules; what was wrong with them is told in words.

Rows are put in order of time; of equal times the last one stands; rows without a usable candle (a price that is
missing, infinite or not above zero, a high under the low, a volume that is missing, infinite or negative) are left out.
Candles left after that are taken as neighbours. A file of more than one time frame is refused (`frame_change`); missing
candles are told.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from signals.candles.matrix import FIELDS, CandleTable
from signals.candles.spacing import frame_change
from signals.domain.lanes import usable_candles
from signals.domain.timeframes import open_time
from signals.sweep.rules import SweepError


@dataclass(frozen=True, slots=True)
class Series:
    """One symbol's usable candles, oldest first, and notices about what was left out."""

    symbol: str
    table: CandleTable
    notices: tuple[str, ...]


def series_read(path: Path, symbol: str) -> Series:
    """Read a Parquet file (timestamp, open, high, low, close, volume). Raises SweepError when it is of no use."""
    import polars as pl  # late: heavy

    try:
        frame = pl.read_parquet(path, columns=["timestamp", *FIELDS])
        times = frame["timestamp"].cast(pl.Datetime("ms")).cast(pl.Int64).to_numpy()
        columns = [frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in FIELDS]
    except (pl.exceptions.PolarsError, OSError) as error:
        why = str(error).splitlines()[0].rstrip(".")
        raise SweepError(f"{symbol}: {path.name} holds no candles that can be read: {why}.") from error
    if frame["timestamp"].null_count():
        raise SweepError(f"{symbol}: {path.name} has rows without a timestamp.")
    return series_of(symbol, times, *columns)


def series_of(symbol: str, times: np.ndarray, *columns: np.ndarray) -> Series:
    """Clean columns (open, high, low, close, volume); times in UTC milliseconds. Raises SweepError when unusable."""
    notices = []
    if (np.diff(times) < 0).any():
        notices.append("rows were not in order of time and were sorted")
    order = np.argsort(times, kind="stable")
    last = np.append(np.diff(times[order]) != 0, True)[: order.size]
    if not last.all():
        notices.append(f"{int((~last).sum())} rows with a time that comes again were left out")
    order = order[last]
    table = CandleTable(times[order], *(column[order] for column in columns))
    if bad := frame_change(np.diff(table.open_time_ms)):
        when = open_time(int(table.open_time_ms[bad]))
        raise SweepError(f"{symbol} mixes time frames: they change at {when:%Y-%m-%d %H:%M} (row {bad + 1}).")
    usable = usable_candles(table.open, table.high, table.low, table.close, table.volume)
    if not usable.all():
        notices.append(f"{int((~usable).sum())} unusable candles (NaN, infinite, not above zero) were left out")
    table = table.where(usable)
    if len(table) < 2:
        raise SweepError(f"{symbol} has {len(table)} usable candles; at least 2 are needed.")
    notices += _gaps(table.open_time_ms)
    return Series(symbol, table, tuple(notices))


def _gaps(times: np.ndarray) -> list[str]:
    distances = np.diff(times)
    missing = int((distances // distances.min() - 1).sum())
    return [f"{missing} candles are missing between the first and the last"] if missing else []
