"""What the selection fetched, kept in files so that all processes share it: tickers, and candles that no scan keeps.

Layout under VAR_DIR/selection/<exchange>/: `tickers.json` and `<timeframe>.npz`. Losing them loses nothing: they are
fetched again. The last writer wins.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from django.conf import settings

from signals.candles.files import write_atomically
from signals.candles.matrix import FIELDS, CandleMatrix, CandleTable
from signals.candles.store import matrix_of


@dataclass(frozen=True, slots=True)
class Known:
    """Candles of one symbol that were asked for over [since_ms, until_ms): what is not there, nobody has."""

    since_ms: int
    until_ms: int
    table: CandleTable

    def covers(self, since_ms: int, until_ms: int) -> bool:
        """Whether nothing needs to be asked for this span."""
        return self.since_ms <= since_ms and self.until_ms >= until_ms


def tickers_write(exchange: str, at_ms: int, tickers: dict[str, dict[str, Any]]) -> None:
    """Keep the tickers of one moment."""
    text = json.dumps({"at_ms": at_ms, "tickers": tickers}).encode()

    def write(file: BinaryIO) -> None:
        file.write(text)

    write_atomically(_folder(exchange) / "tickers.json", write)


def tickers_read(exchange: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """When they were fetched (ms) and the tickers by symbol; (0, {}) when there are none or the file is unreadable."""
    try:
        kept = json.loads((_folder(exchange) / "tickers.json").read_bytes())
        return int(kept["at_ms"]), dict(kept["tickers"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, {}


def known_write(exchange: str, timeframe: str, known: dict[str, Known]) -> None:
    """Keep the candles of these symbols, in place of whatever was kept of the timeframe."""
    symbols = tuple(known)
    matrix = matrix_of(symbols, [known[symbol].table for symbol in symbols])
    values = np.stack([getattr(matrix, name) for name in FIELDS])
    spans = np.array([(one.since_ms, one.until_ms) for one in known.values()], np.int64).reshape(-1, 2)
    names = np.array(symbols, dtype=np.str_)
    write_atomically(
        _folder(exchange) / f"{timeframe}.npz",
        lambda file: np.savez(file, symbols=names, open_time_ms=matrix.open_time_ms, values=values, spans=spans),
    )


def known_read(exchange: str, timeframe: str) -> dict[str, Known]:
    """The kept candles by symbol; nothing when there are none or the file is unreadable."""
    try:
        with np.load(_folder(exchange) / f"{timeframe}.npz", allow_pickle=False) as file:
            matrix = CandleMatrix(tuple(file["symbols"].tolist()), file["open_time_ms"], *file["values"])
            spans = file["spans"].tolist()
    except (OSError, ValueError, KeyError, EOFError):
        return {}
    return {
        symbol: Known(int(span[0]), int(span[1]), matrix.table(symbol))
        for symbol, span in zip(matrix.symbols, spans, strict=True)
    }


def _folder(exchange: str) -> Path:
    return Path(settings.VAR_DIR) / "selection" / exchange
