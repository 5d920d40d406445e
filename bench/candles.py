"""The candle store on real candles: bytes a candle, and the production's reads and writes against polars alone."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from bench.timing import best_s, figure

PAIRS = 20
YEAR_OF_5M = 365 * 288


def run() -> None:
    """Size, extrapolated to 100 symbols and a year of 5m; reading and writing beside a peer on the same candles."""
    source = Path(os.environ.get("XRAY_MARKET_DATA") or Path(__file__).resolve().parents[2] / "shared" / "market-data")
    paths = sorted(source.glob("*/5m/*.parquet"))
    if not paths:
        figure("candle store", skipped="needs real candles in XRAY_MARKET_DATA")
        return
    from django.conf import settings

    before, settings.VAR_DIR = settings.VAR_DIR, Path(tempfile.mkdtemp(prefix="bench-candles-"))
    try:
        _measured(paths[:: max(1, len(paths) // PAIRS)])
    finally:
        shutil.rmtree(settings.VAR_DIR, ignore_errors=True)
        settings.VAR_DIR = before


def _measured(paths: list[Path]) -> None:
    from signals.candles.files import candles_folder, symbol_of
    from signals.candles.frames import rows_read
    from signals.candles.store import months_write

    tables = {symbol_of(path.stem): rows_read(path) for path in paths}
    rows = sum(len(table) for table in tables.values())

    def write() -> None:
        shutil.rmtree(candles_folder(), ignore_errors=True)
        for symbol, table in tables.items():
            months_write("binance", symbol, "5m", table)

    ours = best_s(write, repeats=3)
    files = sorted(candles_folder().rglob("*.parquet"))
    stored = sum(path.stat().st_size for path in files)
    figure(
        "candle store size",
        symbols=len(tables),
        candles=rows,
        bytes_a_candle=stored / rows,
        source_bytes_a_candle=sum(path.stat().st_size for path in paths) / rows,
        gb_for_100_symbols_x_1_year_of_5m=stored / rows * 100 * YEAR_OF_5M / 1e9,
    )
    _written(ours, tables, rows)
    _read(list(tables), files, rows)


def _written(ours: float, tables: dict[str, Any], rows: int) -> None:
    """Against polars writing the same months, without lock, merge, checksum or fsync."""
    import polars as pl

    from signals.candles.months import COLUMNS
    from signals.candles.store import months_split

    folder = Path(tempfile.mkdtemp(prefix="bench-polars-"))

    def plain() -> None:
        for number, table in enumerate(tables.values()):
            for month, part in months_split(table):
                frame = pl.DataFrame({name: getattr(part, name) for name in COLUMNS})
                frame.write_parquet(folder / f"{number}-{month}.parquet", compression="zstd")

    theirs = best_s(plain, repeats=3)
    shutil.rmtree(folder)
    figure(
        "candle store write",
        peer="polars.write_parquet of the same months, no fsync, lock, merge or checksum",
        million_candles_per_s=rows / ours / 1e6,
        peer_million_candles_per_s=rows / theirs / 1e6,
        ratio=theirs / ours,
    )


def _read(symbols: list[str], files: list[Path], rows: int) -> None:
    """Against polars reading the same files into numpy."""
    import polars as pl

    from signals.candles.cache import history_cached
    from signals.candles.store import history_read

    where = {"exchange": "binance", "timeframe": "5m"}

    def plain() -> None:
        for path in files:
            for column in pl.read_parquet(path).get_columns():
                column.to_numpy()

    ours = best_s(lambda: [history_read(**where, symbol=symbol) for symbol in symbols], repeats=5)
    newest = best_s(lambda: [history_read(**where, symbol=symbol, limit=1000) for symbol in symbols], repeats=5)
    cached = best_s(lambda: [history_cached(**where, symbol=symbol, limit=1000) for symbol in symbols], repeats=5)
    theirs = best_s(plain, repeats=5)
    figure(
        "candle store read",
        peer="polars.read_parquet of the same files into numpy",
        million_candles_per_s=rows / ours / 1e6,
        peer_million_candles_per_s=rows / theirs / 1e6,
        ratio=theirs / ours,
        newest_1000_us=newest / len(symbols) * 1e6,
        newest_1000_cached_us=cached / len(symbols) * 1e6,
    )
