"""Indicators of candle files: read one file, check it, compute, write a Parquet file beside the candles.

Rules: the rows of a file are consecutive candles, whatever time lies between them (as TA-Lib sees an array). A candle
that cannot be used (see `usable_candles`) keeps its row; its indicators are NaN, and they begin anew after it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signals.candles.files import write_atomically
from signals.domain.indicators import KINDS, Indicator

if TYPE_CHECKING:
    import polars as pl

TIME = "timestamp"
FIELDS = ("open", "high", "low", "close", "volume")
SUFFIXES = (".parquet", ".csv")


class FileRefused(ValueError):
    """A candle file that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was written: rows, how many of them are unusable candles, and the names of the indicator columns."""

    source: Path
    target: Path
    rows: int
    unusable: int
    columns: tuple[str, ...]


def indicators_all() -> tuple[Indicator, ...]:
    """Every kind with its default arguments, and the slow EMA that goes with the default one."""
    return (*(Indicator(name, kind.default) for name, kind in KINDS.items()), Indicator("ema", (26,)))


def indicators_parse(text: str) -> tuple[Indicator, ...]:
    """`all`, or indicators such as `sma:20,macd:12:26:9,rsi` (without arguments: the defaults).

    Raises ValueError that says what is wrong and what is allowed.
    """
    if text.strip() == "all":
        return indicators_all()
    found = tuple(dict.fromkeys(_indicator(part.strip()) for part in text.split(",") if part.strip()))
    if not found:
        raise ValueError("No indicators are named. Give `all` or some such as sma:20,rsi:14.")
    return found


def _indicator(text: str) -> Indicator:
    name, *given = text.split(":")
    if name not in KINDS:
        raise ValueError(f"Unknown indicator {name!r}. Known: {', '.join(KINDS)}.")
    try:
        args = tuple(float(one) for one in given) if given else KINDS[name].default
    except ValueError:
        raise ValueError(f"{text!r}: arguments must be numbers, as in sma:20.") from None
    return Indicator(name, args)


def candle_files_find(*, source: Path, target: Path) -> list[tuple[Path, Path]]:
    """The candle files to read with the file to write for each. Raises FileRefused when there is nothing to do."""
    if source.is_dir():
        paths = sorted(path for path in source.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
        if not paths:
            raise FileRefused(f"{source} holds no .parquet or .csv file.")
        return [(path, target / f"{path.stem}.parquet") for path in paths]
    if not source.is_file():
        raise FileRefused(f"{source} does not exist.")
    if target.is_dir() or target.suffix.lower() != ".parquet":
        raise FileRefused(f"--out must be a .parquet file when --data is a file, not {target}.")
    return [(source, target)]


def indicators_write(*, source: Path, target: Path, indicators: Iterable[Indicator]) -> FileReport:
    """Compute the indicators of one file and write them; nothing is left behind when the file is refused.

    Raises FileRefused.
    """
    if source.resolve() == target.resolve():
        raise FileRefused(f"{target} would overwrite the candles it is made from.")
    frame = candles_read(source)
    table, unusable = _computed(frame, tuple(indicators))
    try:
        write_atomically(target, lambda file: table.write_parquet(file))
    except OSError as problem:
        raise FileRefused(f"{target} cannot be written: {problem.strerror or problem}.") from problem
    return FileReport(source, target, table.height, unusable, tuple(table.columns[1 + len(FIELDS) :]))


def candles_read(path: Path) -> "pl.DataFrame":
    """timestamp as it was, then open, high, low, close, volume as float64. Raises FileRefused."""
    import polars as pl

    try:
        if path.suffix.lower() == ".csv":
            frame = pl.read_csv(path, try_parse_dates=True, infer_schema_length=None)
        else:
            frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as problem:
        raise FileRefused(f"{path} cannot be read: {str(problem).splitlines()[0]}.") from problem
    if missing := [name for name in (TIME, *FIELDS) if name not in frame.columns]:
        raise FileRefused(f"{path} has no column {', '.join(missing)}. It needs {TIME}, {', '.join(FIELDS)}.")
    if frame.height == 0:
        raise FileRefused(f"{path} holds no candle.")
    try:
        frame = frame.select(TIME, *(pl.col(name).cast(pl.Float64) for name in FIELDS))
    except pl.exceptions.PolarsError as problem:
        raise FileRefused(f"{path}: a price or volume is not a number ({str(problem).splitlines()[0]}).") from problem
    _times_check(path, frame[TIME])
    return frame


def _times_check(path: Path, times: "pl.Series") -> None:
    """Refuse times that are missing, unsorted, double, or of more than one time frame."""
    import numpy as np
    import polars as pl

    from signals.candles.spacing import first_row, frame_change

    if not (times.dtype.is_integer() or isinstance(times.dtype, pl.Datetime | pl.Date)):
        raise FileRefused(f"{path}: {TIME} must be a date and time or a whole number, not {times.dtype}.")
    if times.null_count():
        raise FileRefused(f"{path}: a {TIME} is missing.")
    steps = np.diff(times.to_physical().cast(pl.Int64).to_numpy())
    if bad := first_row(steps <= 0):
        what = "twice" if steps[bad - 1] == 0 else "not in order"
        raise FileRefused(f"{path}: {TIME} {times[bad]} in row {bad + 1} is {what}. Sort the rows, one a candle.")
    if bad := frame_change(steps):
        raise FileRefused(f"{path}: the time frame changes at {TIME} {times[bad]} (row {bad + 1}). Split the file.")


def _computed(frame: "pl.DataFrame", indicators: tuple[Indicator, ...]) -> tuple["pl.DataFrame", int]:
    """The table to write and the number of unusable candles. One indicator at a time, so that memory stays bounded."""
    import numpy as np
    import polars as pl

    from signals.candles.matrix import CandleMatrix
    from signals.scan.panel import Panel
    from signals.scan.pass_cpu import columns_compute
    from signals.scan.plan import Plan

    values: list[Any] = [np.array(frame[name].fill_null(np.nan), np.float64).reshape(1, -1) for name in FIELDS]
    panel = Panel.of(CandleMatrix(("file",), np.arange(frame.height, dtype=np.int64), *values))
    series = []
    for one in indicators:
        columns = columns_compute(panel, Plan.of((one,)))
        series += [pl.Series(name, panel.by_symbol(columns[:, i])[0]) for i, name in enumerate(one.columns)]
    used = sum(end - begin for stretches in panel.stretches for begin, end in stretches)
    return frame.with_columns(series), frame.height - used
