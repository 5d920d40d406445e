"""Candles of a Parquet file or folder for backtests (columns: timestamp, open, high, low, close, volume)."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from signals.candles.matrix import CandleMatrix
from signals.candles.spacing import frame_change
from signals.domain.timeframes import open_time
from trading.domain.money import money
from trading.domain.types import InstrumentSpec

if TYPE_CHECKING:
    import polars

COLUMNS = ("open", "high", "low", "close", "volume")
USUAL_FEE = Decimal("0.001")
AMOUNT_WORTH = Decimal("0.001")  # a lot is the power of ten worth about this much quote currency


class DataError(ValueError):
    """Candles that cannot be read, in words."""


def symbol_of(file: Path) -> str:
    """`BTC_USDT.parquet` is BTC/USDT."""
    return file.stem.replace("_", "/")


def files_of(source: Path, symbols: Sequence[str]) -> list[Path]:
    """The Parquet files to read, by symbol. Raises DataError when there are none, or one that was asked is missing."""
    if not source.exists():
        raise DataError(f"{source} does not exist; give a Parquet file or a folder of them.")
    found = {symbol_of(file): file for file in _parquet_in(source)}
    missing = sorted(set(symbols) - set(found))
    if missing:
        raise DataError(f"No candles of {', '.join(missing)} in {source}.")
    if not found:
        raise DataError(f"There are no .parquet files in {source}.")
    return [found[symbol] for symbol in (symbols or found)]


def _parquet_in(source: Path) -> list[Path]:
    return [source] if source.is_file() else sorted(file for file in source.glob("*.parquet") if file.is_file())


def matrix_of(files: Sequence[Path], *, limit: int | None = None) -> CandleMatrix:
    """The files side by side on the times that any of them has (NaN where missing); `limit` keeps the last candles.

    Raises DataError for a file that cannot be used, and for files of several time frames.
    """
    frames = [_frame(file) for file in files]
    _time_frames_check(files, frames)
    frames = frames if limit is None else [frame.tail(limit) for frame in frames]
    times = np.unique(np.concatenate([frame["time"].to_numpy() for frame in frames]))
    arrays = {name: np.full((len(files), times.size), np.nan) for name in COLUMNS}
    for row, frame in enumerate(frames):
        at = np.searchsorted(times, frame["time"].to_numpy())
        for name in COLUMNS:
            arrays[name][row, at] = frame[name].to_numpy()
    return CandleMatrix(tuple(symbol_of(file) for file in files), times, **arrays)


def _time_frames_check(files: Sequence[Path], frames: Sequence["polars.DataFrame"]) -> None:
    """Side by side, an hour's candles between those of five minutes would be one candle and eleven gaps, for ever."""
    known: dict[int, Path] = {}
    for file, frame in zip(files, frames, strict=True):
        if frame.height > 1:
            known.setdefault(int(frame["time"].diff().slice(1).to_numpy().min()), file)
    if len(known) > 1:
        told = ", ".join(f"{file.name} {step / 60_000:g} min" for step, file in known.items())
        raise DataError(f"The files have candles of several time frames ({told}). Name --symbols of one.")


def _frame(file: Path) -> "polars.DataFrame":
    import polars as pl  # late: heavy

    try:
        frame = pl.read_parquet(file, columns=["timestamp", *COLUMNS])
        times = frame["timestamp"].cast(pl.Datetime("ms")).cast(pl.Int64).alias("time")
    except (pl.exceptions.PolarsError, OSError) as error:
        why = str(error).splitlines()[0].rstrip(".")
        raise DataError(f"{file.name} holds no candles that can be read: {why}.") from error
    if times.null_count():
        raise DataError(f"{file.name} has rows without a timestamp.")
    frame = frame.with_columns(times).unique("time", keep="last").sort("time")
    if bad := frame_change(frame["time"].diff().slice(1).to_numpy()):
        when = open_time(int(frame["time"][bad]))
        raise DataError(
            f"{file.name} mixes time frames: they change at {when:%Y-%m-%d %H:%M}. Split it, or leave it out."
        )
    return frame


def timeframe_ms_of(matrix: CandleMatrix) -> int:
    """The distance of the candles: the smallest between two of them. Raises DataError below two candles."""
    if matrix.open_time_ms.size < 2:
        raise DataError("At least two candles are needed.")
    return int(np.diff(matrix.open_time_ms).min())


def spec_of(
    matrix: CandleMatrix, row: int, *, maker_fee: Decimal = USUAL_FEE, taker_fee: Decimal = USUAL_FEE
) -> InstrumentSpec:
    """Limits that fit a symbol's prices: the tick is the finest decimal seen, the lot is worth about 0.001."""
    symbol = matrix.symbols[row]
    base, _, quote = symbol.partition("/")
    prices = matrix.close[row][~np.isnan(matrix.close[row])][-2000:]
    if not prices.size or prices.min() <= 0:
        raise DataError(f"{symbol} has no usable prices.")
    places = max(_places(price) for price in prices.tolist())
    lot = AMOUNT_WORTH / money(float(np.median(prices)))
    return InstrumentSpec(
        symbol=symbol,
        base=base,
        quote=quote or "USDT",
        tick_size=Decimal(1).scaleb(-places),
        lot_size=Decimal(1).scaleb(min(max(lot.adjusted(), -8), 0)),
        min_notional=Decimal(5),
        maker_fee=maker_fee,
        taker_fee=taker_fee,
    )


def _places(price: float) -> int:
    exponent: Any = money(price).normalize().as_tuple().exponent
    return min(max(-exponent, 0), 12)
