"""The scan on files: what strategies say of the newest candles of a folder, without an exchange or a database."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from accounts.clock import now_ms
from signals.candles.cleaning import CandlesRefused, cleaned, timeframe_of, words
from signals.candles.fold import table_folded
from signals.candles.frames import SUFFIXES, rows_read
from signals.candles.matrix import CandleTable
from signals.candles.store import matrix_of
from signals.domain.strategies.base import Strategy
from signals.domain.timeframes import open_time, timeframe_ms

HISTORY = 1000  # candles before the ones that are decided, as many as a live scan has
SIDES = {1: "buy", -1: "sell"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """One symbol's candles, and in words what was left out."""

    symbol: str
    table: CandleTable
    notice: str = ""


def scan_paths(source: Path) -> list[Path]:
    """The candle files of a folder (or the one file). Raises CandlesRefused when there is none."""
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise CandlesRefused(f"{source} does not exist; give a Parquet or CSV file, or a folder of them.")
    found = sorted(path for path in source.iterdir() if path.suffix in SUFFIXES)
    if not found:
        raise CandlesRefused(f"{source} holds no .parquet and no .csv file.")
    return found


def scan_load(path: Path, timeframe: str) -> Loaded:
    """A file's candles on this timeframe (shorter ones are folded), by the rules of `signals.candles.cleaning`.

    Raises CandlesRefused.
    """
    rows, step = rows_read(path), timeframe_ms(timeframe)
    own = timeframe if len(rows) < 2 else timeframe_of(rows.open_time_ms)
    if step % timeframe_ms(own):
        raise CandlesRefused(f"Its candles are of {own}; {timeframe} candles cannot be made of them.")
    kept = cleaned(rows, own, now_ms())
    table = table_folded(kept.table, timeframe_ms(own), step)
    if not len(table):
        raise CandlesRefused(f"There is no whole {timeframe} candle in it.")
    return Loaded(path.stem.replace("_", "/"), table, words(kept.problems) if kept.problems else "")


def scan_tables(
    loaded: Sequence[Loaded], strategies: Iterable[tuple[Strategy, dict[str, Any]]], *, candles: int = 1
) -> Iterator[dict[str, Any]]:
    """Decisions at the newest `candles` candles of each symbol, oldest first in a symbol.

    Symbols whose candles end together are scanned in one pass.
    """
    rules = list(strategies)
    ends = sorted({int(one.table.open_time_ms[-1]) for one in loaded})
    for end in ends:
        group = [one for one in loaded if one.table.open_time_ms[-1] == end]
        yield from _group(group, rules, candles)


def _group(group: list[Loaded], rules: list[tuple[Strategy, dict[str, Any]]], candles: int) -> Iterator[dict[str, Any]]:
    from signals.scan.pass_cpu import lanes_compute

    matrix = matrix_of(tuple(one.symbol for one in group), [one.table for one in group], HISTORY + candles)
    lanes = lanes_compute(matrix, [need for strategy, values in rules for need in strategy.indicators(values)])
    times, first = matrix.open_time_ms, max(matrix.open_time_ms.size - candles, 0)
    decided = [(strategy, values, strategy.decide(lanes, values)) for strategy, values in rules]
    for row, symbol in enumerate(matrix.symbols):
        for column in range(first, times.size):
            for strategy, values, said in decided:
                side = int(said.side[row, column])
                if not side:
                    continue
                details = {name: float(array[row, column]) for name, array in said.details.items()}
                yield {
                    "symbol": symbol,
                    "strategy": strategy.kind,
                    "side": SIDES[side],
                    "confidence": float(said.confidence[row, column]),
                    "reason": strategy.reason(side, values, details),
                    "candle_open_time": open_time(int(times[column])).isoformat(),
                    "close": float(lanes.close[row, column]),
                    "inputs": {name: value for name, value in details.items() if np.isfinite(value)},
                }
