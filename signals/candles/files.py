"""Files of the candle store: where they are, and how they are written so that a reader never sees half a file."""

import fcntl
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

MONTH_FILES = "????-??.parquet"
SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")
_held = threading.local()


def candles_folder() -> Path:
    """The whole store: `<exchange>/<timeframe>/<BASE>_<QUOTE>/<YYYY-MM>.parquet`."""
    return Path(settings.VAR_DIR) / "candles"


def series_folder(exchange: str, timeframe: str) -> Path:
    """Folder of all candles of one exchange and timeframe."""
    return candles_folder() / exchange / timeframe


def symbol_folder(exchange: str, timeframe: str, symbol: str) -> Path:
    """Folder of one symbol's month files (BTC/USDT -> BTC_USDT)."""
    return series_folder(exchange, timeframe) / file_name(symbol)


def file_name(symbol: str) -> str:
    """A symbol as part of a path: BTC/USDT -> BTC_USDT."""
    return symbol.replace("/", "_").replace(":", "-")


def symbol_of(name: str) -> str:
    """The symbol of a file or folder: BTC_USDT -> BTC/USDT."""
    return name.replace("_", "/", 1).replace("-", ":")


def hot_path(exchange: str, timeframe: str) -> Path:
    """The hot window: the newest candles of all symbols, rewritten at every scan."""
    return series_folder(exchange, timeframe) / "hot.npz"


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write beside `path`, then rename over it; the old content stays readable until then and after any crash.

    File and folder reach the disk before this returns, so that what was reported as stored survives a power cut.
    Raises OSError when the disk is full or the place cannot be written.
    """
    folder_make(path.parent)
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        folder_sync(path.parent)
    except Exception as error:
        if isinstance(error, OSError) or not (found := SYSTEM_ERROR.search(str(error))):
            raise
        number = int(found[1])  # polars tells a full disk as an error of its own kind
        raise OSError(number, os.strerror(number), str(path)) from error
    finally:
        try:
            part.unlink(missing_ok=True)
        except (
            KeyboardInterrupt
        ):  # polars raises Ctrl-C by itself, and Python once more at the next call, which is this
            part.unlink(missing_ok=True)
            raise


def folder_make(folder: Path) -> None:
    """Make a folder and its parents, each noted on disk in the one above."""
    if folder.is_dir():
        return
    folder_make(folder.parent)
    folder.mkdir(exist_ok=True)
    folder_sync(folder.parent)


def folder_sync(folder: Path) -> None:
    """Bring a folder's entries to the disk (a rename is durable only then)."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def series_lock(exchange: str, timeframe: str, symbol: str) -> Iterator[None]:
    """One writer of a series at a time, across threads and processes; a killed holder's lock is free at once.

    May be taken again by the thread that holds it. Readers need no lock.
    """
    path = series_folder(exchange, timeframe) / f".{file_name(symbol)}.lock"
    held = _held.__dict__.setdefault("paths", set())
    if path in held:
        yield
        return
    folder_make(path.parent)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        held.add(path)
        try:
            yield
        finally:
            held.discard(path)


def parts_of(folder: Path) -> list[Path]:
    """Half-written files that a killed writer left behind (take the series' lock before you remove them)."""
    return sorted(folder.glob(".*.part"))
