"""Files of the candle store: where they are, and how they are written so that a reader never sees half a file."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from django.conf import settings


def series_folder(exchange: str, timeframe: str) -> Path:
    """Folder of all candles of one exchange and timeframe."""
    return Path(settings.VAR_DIR) / "candles" / exchange / timeframe


def symbol_folder(exchange: str, timeframe: str, symbol: str) -> Path:
    """Folder of one symbol's month files (BTC/USDT -> BTC_USDT)."""
    return series_folder(exchange, timeframe) / symbol.replace("/", "_").replace(":", "-")


def hot_path(exchange: str, timeframe: str) -> Path:
    """The hot window: the newest candles of all symbols, rewritten at every scan."""
    return series_folder(exchange, timeframe) / "hot.npz"


def write_atomically(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write beside `path`, then rename over it; the old content stays readable until then and after any crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
