"""Correlation: of coins that move as one, only the best ranked is scanned."""

from collections.abc import Sequence

import numpy as np

from signals.candles.matrix import CandleTable
from signals.domain.selection.base import Candidate, Filter, Market, Sieved, Values, Want, parted
from signals.domain.selection.candles import TIMEFRAMES
from signals.domain.selection.parameters import Choice, FilterError, Number


class Correlation(Filter):
    """Greedy by rank: a symbol stays unless its log returns correlate with an already kept one above the limit."""

    kind = "correlation"
    title = "Correlation"
    help = "Walks down the ranking and drops what correlates with an already kept symbol above the limit."
    missing = "passes: with fewer common returns than `overlap`, or a price that never moved, two are not compared"
    parameters = (
        Number("limit", 0.9, -1.0, 1.0, "Largest correlation of two kept symbols."),
        Choice("timeframe", "1h", TIMEFRAMES, "Candles whose returns are compared."),
        Number("candles", 168, 10, 900, "How many of them."),
        Number("overlap", 48, 5, 900, "Fewest returns that two symbols must have in common to be compared."),
    )

    def check(self, values: Values) -> None:
        """More candles than the overlap."""
        if values["overlap"] >= values["candles"]:
            raise FilterError(
                f"overlap must be smaller than candles, not {values['overlap']} and {values['candles']}.", "overlap"
            )

    def wants(self, values: Values) -> Want:
        """The candles it compares."""
        return Want(values["timeframe"], int(values["candles"]))

    def sieve(self, candidates: Sequence[Candidate], values: Values, market: Market) -> Sieved:
        """Best rank first, each against those kept so far."""
        newest = slice(-int(values["candles"]), None)
        kept = Kept(log_returns([market.table(one.symbol).where(newest) for one in candidates]), int(values["overlap"]))
        refused: dict[str, str] = {}
        for row, one in enumerate(candidates):
            between = kept.against(row)
            above = np.flatnonzero(between > values["limit"])
            if above.size:
                twin = candidates[kept.rows[above[0]]]
                refused[one.symbol] = _told(between[above[0]], twin, values)
            else:
                kept.add(row)
        return parted(candidates, refused)


def _told(value: float, twin: Candidate, values: Values) -> str:
    return f"Correlation {value:.3f} with {twin.symbol} is above {values['limit']:g}."


def log_returns(tables: Sequence[CandleTable]) -> np.ndarray:
    """Log returns of closes on the common grid, float64 (tables, time - 1); NaN where one of the two closes lacks."""
    times = [table.open_time_ms for table in tables]
    grid = np.unique(np.concatenate(times)) if times else np.empty(0, np.int64)
    closes = np.full((len(tables), grid.size), np.nan)
    for row, table in enumerate(tables):
        closes[row, np.searchsorted(grid, table.open_time_ms)] = table.close
    with np.errstate(invalid="ignore"):
        closes[~(np.isfinite(closes) & (closes > 0.0))] = np.nan
    return np.diff(np.log(closes), axis=1)


class Kept:
    """Rows of returns, float64 (rows, time), that were kept so far; memory is that of the returns, not its square."""

    def __init__(self, returns: np.ndarray, overlap: int) -> None:
        here = np.isfinite(returns)
        self._mine, self._here = _scaled(returns, here), here.astype(np.float64)
        self._theirs, self._squares, self._there = (np.empty_like(self._mine) for _ in range(3))
        self._overlap = overlap
        self.rows: list[int] = []

    def add(self, row: int) -> None:
        """Keep a row."""
        last = len(self.rows)
        self._theirs[last], self._squares[last] = self._mine[row], self._mine[row] ** 2
        self._there[last] = self._here[row]
        self.rows.append(row)

    def against(self, row: int) -> np.ndarray:
        """Pearson correlation of a row with each kept one over the columns that both have, float64 (kept,).

        NaN where they share fewer than the overlap, or one of them does not vary over what they share.
        """
        theirs, squares, there = (kept[: len(self.rows)] for kept in (self._theirs, self._squares, self._there))
        mine, here = self._mine[row], self._here[row]
        count, sum_mine, squares_mine = (there @ np.stack((here, mine, mine * mine), axis=1)).T
        sum_theirs, together = (theirs @ np.stack((here, mine), axis=1)).T
        squares_theirs = squares @ here
        with np.errstate(invalid="ignore", divide="ignore"):
            spread_mine = squares_mine - sum_mine**2 / count
            spread_theirs = squares_theirs - sum_theirs**2 / count
            known = (spread_mine > 1e-12 * squares_mine) & (spread_theirs > 1e-12 * squares_theirs)
            found = (together - sum_mine * sum_theirs / count) / np.sqrt(spread_mine * spread_theirs)
            return np.where((count >= self._overlap) & known, found, np.nan)


def _scaled(returns: np.ndarray, here: np.ndarray) -> np.ndarray:
    """Rows with mean 0 and largest value 1 over what they have, 0 elsewhere: sums stay exact enough for any price."""
    number = np.maximum(here.sum(axis=1, keepdims=True), 1)
    centred = np.where(here, returns, 0.0)
    centred = np.where(here, centred - centred.sum(axis=1, keepdims=True) / number, 0.0)
    largest = np.abs(centred).max(axis=1, keepdims=True, initial=0.0)
    return np.divide(centred, largest, out=np.zeros_like(centred), where=largest > 1e-12)
