"""Stored candles for pages and the API, where the same reads repeat: a small cache that cannot be stale.

An entry holds as long as the files do: it is kept with what the series' folder and the hot window say of themselves
(modification times and inodes, which every write changes, in whatever process, and a correction, so every revision of
the manifest, is such a write). Bounded in entries, in candles and in age.
"""

import logging
import os
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

from signals.candles.files import hot_path, symbol_folder
from signals.candles.matrix import CandleTable
from signals.candles.store import CandleFileDamaged, history_read, hot_read

ENTRIES = 1000
CANDLES = 200_000  # in all entries together: about 10 MB
SECONDS = 300.0
log = logging.getLogger(__name__)
_entries: "OrderedDict[tuple[Any, ...], tuple[Any, float, CandleTable]]" = OrderedDict()
_lock = threading.Lock()
_held = 0  # candles in all entries


def history_cached(
    *,
    exchange: str,
    symbol: str,
    timeframe: str,
    since_ms: int | None = None,
    until_ms: int | None = None,
    limit: int | None = None,
) -> CandleTable:
    """`history_read` for who only shows: do not write into the arrays. Where a month file is damaged, that is logged
    and the hot window's candles are all there is: a page is better short than broken.
    """
    key = (exchange, symbol, timeframe, since_ms, until_ms, limit)
    stamp = _stamp(exchange, timeframe, symbol)
    found = _find(key, stamp)
    if found is not None:
        return found
    try:
        table = history_read(
            exchange=exchange, symbol=symbol, timeframe=timeframe, since_ms=since_ms, until_ms=until_ms, limit=limit
        )
    except CandleFileDamaged as error:
        log.error("%s", error)
        table = hot_read(exchange, timeframe).table(symbol).between(since_ms, until_ms)
        table = table if limit is None else table.where(slice(max(len(table) - limit, 0), None))
    _keep(key, stamp, table)
    return table


def cache_forget() -> None:
    """Forget everything (tests)."""
    global _held
    with _lock:
        _entries.clear()
        _held = 0


def _find(key: tuple[Any, ...], stamp: Any) -> CandleTable | None:
    with _lock:
        known, kept_at, table = _entries.get(key, (None, 0.0, None))
        if table is None or known != stamp or time.monotonic() - kept_at > SECONDS:
            return None
        _entries.move_to_end(key)
        return table


def _keep(key: tuple[Any, ...], stamp: Any, table: CandleTable) -> None:
    global _held
    with _lock:
        _, _, before = _entries.pop(key, (None, 0.0, None))
        _held += len(table) - (len(before) if before is not None else 0)
        _entries[key] = (stamp, time.monotonic(), table)
        while len(_entries) > ENTRIES or _held > CANDLES:
            _held -= len(_entries.popitem(last=False)[1][2])


def _stamp(exchange: str, timeframe: str, symbol: str) -> Any:
    folder = symbol_folder(exchange, timeframe, symbol)
    try:
        with os.scandir(folder) as entries:
            files = tuple(sorted((entry.name, entry.inode()) for entry in entries))
    except FileNotFoundError:
        files = ()
    return _status(hot_path(exchange, timeframe)), _status(folder), files


def _status(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_ino
