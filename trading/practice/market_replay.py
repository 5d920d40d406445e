"""Replays a folder of real candles: ``<BASE>_<QUOTE>.parquet`` with timestamp, open, high, low, close, volume.

All files must have the same step and no gaps; the span common to all of them is used, so that coins keep moving
together, and it loops: after its last candle the first one follows. Tick and lot are read off the data: the coarsest
power of ten on which every price (volume) lies, or a fine one by the price's size where the data has no grid.
"""

import zlib
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl

from trading.practice.decimals import power_of_ten
from trading.practice.errors import StartError
from trading.practice.market import Instrument, MarketData
from trading.practice.symbols import Listing, lot_for, tick_for
from trading.practice.tape import Series

COLUMNS = ("open", "high", "low", "close", "volume")
MIN_CANDLES = 300
FINEST = 10  # decimals
GRID_ERROR = 1e-6  # of a tick: floats are not exact


def replay_market(folder: Path, seed: int) -> MarketData:
    """Load every file of the folder; raises StartError that names the file and what is wrong with it."""
    files = sorted(folder.glob("*.parquet")) if folder.is_dir() else []
    if not files:
        raise StartError(f"{folder}: no <BASE>_<QUOTE>.parquet files there")
    frames = {path: _read(path) for path in files}
    step = {path: _step(path, times) for path, (times, _) in frames.items()}
    if len(set(step.values())) > 1:
        odd = next(path for path in files if step[path] != step[files[0]])
        raise StartError(f"{odd.name}: candles of {step[odd]} ms, but {files[0].name} has {step[files[0]]} ms")
    first = max(times[0] for times, _ in frames.values())
    last = min(times[-1] for times, _ in frames.values())
    if (last - first) // step[files[0]] + 1 < MIN_CANDLES:
        raise StartError(f"{folder}: the files share fewer than {MIN_CANDLES} candles; remove those of another time")
    instruments = [_instrument(path, *frames[path], first, last, seed) for path in files]
    return MarketData(f"data {folder.name} {first}-{last} seed {seed}", step[files[0]], instruments)


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Open times (int64 ms) and an (n, 5) float array of COLUMNS."""
    try:
        frame = pl.read_parquet(path, columns=["timestamp", *COLUMNS])
        times = frame["timestamp"].dt.epoch("ms").to_numpy()
        values = frame.select(pl.col(COLUMNS).cast(pl.Float64)).to_numpy()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise StartError(f"{path.name}: not a candle file ({str(error).splitlines()[0]})") from None
    _check_values(path, values)
    return times, values


def _check_values(path: Path, values: np.ndarray) -> None:
    prices = values[:, :4]
    if len(values) < 2 or not np.isfinite(values).all() or (prices <= 0).any() or (values[:, 4] < 0).any():
        raise StartError(f"{path.name}: empty, or prices and volumes that are missing or not positive")
    wrong = (prices[:, 1] < prices.max(axis=1)) | (prices[:, 2] > prices.min(axis=1))
    if wrong.any():
        raise StartError(f"{path.name}: row {int(np.argmax(wrong))}: high or low does not contain open and close")


def _step(path: Path, times: np.ndarray) -> int:
    """The constant distance of the candles in ms."""
    steps = np.diff(times)
    if steps[0] <= 0 or 86_400_000 % int(steps[0]):
        raise StartError(f"{path.name}: candles of {steps[0]} ms; a day must hold a whole number of them")
    if (steps != steps[0]).any():
        raise StartError(f"{path.name}: a gap or disorder after row {int(np.argmax(steps != steps[0]))}")
    return int(steps[0])


def _instrument(path: Path, times: np.ndarray, values: np.ndarray, first: int, last: int, seed: int) -> Instrument:
    base, separator, quote = path.stem.partition("_")
    if not (separator and base.isalnum() and quote.isalnum()):
        raise StartError(f"{path.name}: the name must be <BASE>_<QUOTE>.parquet")
    values = values[(times >= first) & (times <= last)]
    typical = float(np.median(values[:, 3]))
    tick = _grid(values[:, :4].ravel(), tick_for(float(values[:, 2].min())))
    lot = _grid(values[:, 4], lot_for(typical))
    ticks = np.rint(values[:, :4] / float(tick))
    if ticks.max() > np.iinfo(np.int32).max:
        raise StartError(f"{path.name}: prices reach {ticks.max():.0f} ticks of {tick}; at most 2147483647 are allowed")
    cum = np.concatenate([[0], np.cumsum(np.rint(values[:, 4] / float(lot)).astype(np.int64))])
    salt = zlib.crc32(path.stem.encode()) * 4_294_967_311 + seed
    prices = {name: ticks[:, i].astype(np.int32) for i, name in enumerate(COLUMNS[:4])}
    series = Series(**prices, cum=cum, salt=salt & (2**62 - 1))
    listing = Listing(base.upper(), quote.upper(), tick, lot, Decimal(repr(typical)))
    return Instrument(listing, series, _spread(values))


def _grid(values: np.ndarray, fallback: Decimal) -> Decimal:
    """The coarsest power of ten (at most 1) that all values are whole multiples of."""
    for places in range(FINEST + 1):
        scaled = values * 10.0**places
        # relative to the value too: a float carries 16 digits, not more
        if (np.abs(scaled - np.rint(scaled)) <= np.maximum(GRID_ERROR, np.abs(scaled) * 1e-14)).all():
            return power_of_ten(-places)
    return fallback


def _spread(values: np.ndarray) -> float:
    """A spread by daily turnover, between 0.4 and 20 basis points, as in the synthetic market."""
    millions = float((values[:, 3] * values[:, 4]).mean()) * 288 / 1e6
    return min(0.002, max(0.00004, 0.0004 / max(millions, 0.01) ** 0.5))
