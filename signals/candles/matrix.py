"""Candles of one series (a table) and of many symbols side by side (a matrix). Key: open time, UTC milliseconds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

FIELDS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class CandleTable:
    """One symbol's candles: int64 open times (ms, increasing, unique) and five float64 columns, all (time,)."""

    open_time_ms: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray

    def __len__(self) -> int:
        return int(self.open_time_ms.size)

    @classmethod
    def empty(cls) -> "CandleTable":
        """No candles."""
        return cls(np.empty(0, np.int64), *(np.empty(0) for _ in FIELDS))

    @classmethod
    def from_rows(cls, rows: Iterable[Sequence[float]]) -> "CandleTable":
        """From [open time ms, open, high, low, close, volume] rows in any order; of equal times the last wins."""
        by_time = {int(row[0]): row for row in rows}
        ordered = [by_time[key] for key in sorted(by_time)]
        if not ordered:
            return cls.empty()
        columns = ([_number(row[i]) for row in ordered] for i in range(1, 6))
        return cls(np.array(sorted(by_time), np.int64), *(np.array(column, np.float64) for column in columns))

    def where(self, keep: np.ndarray | slice) -> "CandleTable":
        """The candles picked by a bool mask, an index array or a slice."""
        return CandleTable(*(getattr(self, field.name)[keep] for field in fields(self)))

    def between(self, since_ms: int | None, until_ms: int | None) -> "CandleTable":
        """Candles with since_ms <= open time < until_ms (None: no bound)."""
        first = 0 if since_ms is None else int(np.searchsorted(self.open_time_ms, since_ms))
        stop = len(self) if until_ms is None else int(np.searchsorted(self.open_time_ms, until_ms))
        return self.where(slice(first, stop))

    def joined(self, newer: "CandleTable") -> "CandleTable":
        """Both tables by open time; where both have a candle, `newer` wins."""
        keep = ~np.isin(self.open_time_ms, newer.open_time_ms)
        times = np.concatenate((self.open_time_ms[keep], newer.open_time_ms))
        order = np.argsort(times, kind="stable")
        columns = (np.concatenate((getattr(self, name)[keep], getattr(newer, name)))[order] for name in FIELDS)
        return CandleTable(times[order], *columns)


@dataclass(frozen=True, slots=True)
class CandleMatrix:
    """Candles of many symbols on one time grid: float64 (symbols, time), NaN where missing; times int64 (time,)."""

    symbols: tuple[str, ...]
    open_time_ms: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray

    def pick(self, symbols: Sequence[str]) -> "CandleMatrix":
        """Only these symbols, in this order; one that is not there becomes a lane of NaN."""
        index = {symbol: row for row, symbol in enumerate(self.symbols)}
        rows = np.array([index.get(symbol, -1) for symbol in symbols], np.int64)
        return CandleMatrix(tuple(symbols), self.open_time_ms, *(_rows(getattr(self, name), rows) for name in FIELDS))

    def upto(self, open_ms: int) -> "CandleMatrix":
        """Candles that opened at `open_ms` or before."""
        stop = int(np.searchsorted(self.open_time_ms, open_ms, side="right"))
        return CandleMatrix(self.symbols, self.open_time_ms[:stop], *(getattr(self, name)[:, :stop] for name in FIELDS))

    def table(self, symbol: str) -> CandleTable:
        """One symbol's candles without the missing ones (empty when the symbol is not here)."""
        if symbol not in self.symbols:
            return CandleTable.empty()
        row = self.symbols.index(symbol)
        present = ~np.isnan(self.close[row])
        return CandleTable(self.open_time_ms[present], *(getattr(self, name)[row][present] for name in FIELDS))


def _rows(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    if values.shape[0] == 0:
        return np.full((rows.size, values.shape[1]), np.nan)
    picked = values[rows]
    picked[rows < 0] = np.nan
    return picked


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
