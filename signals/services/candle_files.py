"""Candles in and out of the store as files: import with stated rules a problem, export atomically."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from accounts.clock import now_ms
from signals.candles.cleaning import CandlesRefused, cleaned, timeframe_of, words
from signals.candles.files import file_name, symbol_of
from signals.candles.frames import SUFFIXES, frame_write, rows_read
from signals.candles.store import CandleFileDamaged, history_read
from signals.domain.timeframes import TIMEFRAMES
from signals.services.series import instrument_ensure, series_store


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one symbol; `status` is stored, unchanged, cleaned, refused, written or empty."""

    symbol: str
    timeframe: str
    status: str
    rows: int = 0
    added: int = 0
    corrected: int = 0
    problems: dict[str, int] = field(default_factory=dict)
    reason: str = ""

    @property
    def good(self) -> bool:
        """Whether everything that was asked for this symbol was done."""
        return self.status in ("stored", "unchanged", "cleaned", "written")


def files_found(source: Path, symbols: Iterable[str] = ()) -> list[Path]:
    """The files `<BASE>_<QUOTE>.parquet` or `.csv` of a folder, of its `<timeframe>` folders, or the file itself.

    Raises CandlesRefused when there are none, or when one of `symbols` has none.
    """
    if not source.exists():
        raise CandlesRefused(f"{source} does not exist; give a folder of <BASE>_<QUOTE>.parquet files, or one file.")
    files = [source] if source.is_file() else sorted(path for path in source.iterdir() if path.suffix in SUFFIXES)
    if not files or files[0].suffix not in SUFFIXES:
        raise CandlesRefused(f"There is no .parquet or .csv file in {source}.")
    wanted = list(symbols)
    if missing := sorted(set(wanted) - {symbol_of(path.stem) for path in files}):
        raise CandlesRefused(f"No candles of {', '.join(missing)} in {source}.")
    return [path for path in files if not wanted or symbol_of(path.stem) in wanted]


def candles_import(*, exchange: str, path: Path, timeframe: str = "") -> FileResult:
    """Import one symbol's file; the rules are those of `signals.candles.cleaning`. Candles already there with other
    numbers are corrected, equal ones cost nothing: an import that was killed is simply started again.

    Without `timeframe` it is the name of the file's folder, or else what the times say.
    """
    symbol, named = symbol_of(path.stem), timeframe or (path.parent.name if path.parent.name in TIMEFRAMES else "")
    try:
        if "/" not in symbol:
            raise CandlesRefused(f"{path.name} names no pair: the file of BTC/USDT is BTC_USDT{path.suffix}.")
        rows = rows_read(path)
        named = named or timeframe_of(rows.open_time_ms)
        clean = cleaned(rows, named, now_ms())
        instrument = instrument_ensure(exchange=exchange, symbol=symbol, table=clean.table)
        written = series_store(instrument=instrument, timeframe=named, table=clean.table)
    except (CandlesRefused, CandleFileDamaged) as error:
        return FileResult(symbol, named, "refused", reason=str(error))
    changed = written.added or written.corrected
    return FileResult(
        symbol,
        named,
        ("cleaned" if clean.problems else "stored") if changed else "unchanged",
        rows=len(clean.table),
        added=written.added,
        corrected=written.corrected,
        problems=clean.problems,
        reason=words(clean.problems),
    )


def candles_export(
    *,
    exchange: str,
    symbol: str,
    timeframe: str,
    folder: Path,
    since_ms: int | None = None,
    until_ms: int | None = None,
    as_csv: bool = False,
) -> FileResult:
    """Write the candles with since_ms <= open time < until_ms to `<BASE>_<QUOTE>.parquet` (or `.csv`) in a folder."""
    try:
        table = history_read(
            exchange=exchange, symbol=symbol, timeframe=timeframe, since_ms=since_ms, until_ms=until_ms
        )
    except CandleFileDamaged as error:
        return FileResult(symbol, timeframe, "refused", reason=str(error))
    if not len(table):
        return FileResult(symbol, timeframe, "empty", reason="No candles are stored in this range.")
    frame_write(folder / f"{file_name(symbol)}.{'csv' if as_csv else 'parquet'}", table, as_csv)
    return FileResult(symbol, timeframe, "written", rows=len(table))
