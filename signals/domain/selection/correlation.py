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
        tables = [market.table(one.symbol).where(newest) for one in candidates]
        between = correlations(log_returns(tables), int(values["overlap"]))
        kept: list[int] = []
        refused: dict[str, str] = {}
        for row, one in enumerate(candidates):
            twin = next((other for other in kept if between[row, other] > values["limit"]), None)
            if twin is None:
                kept.append(row)
            else:
                refused[one.symbol] = _told(between[row, twin], candidates[twin], values)
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


def correlations(returns: np.ndarray, overlap: int) -> np.ndarray:
    """Pearson correlation of every two rows over the columns that both have, float64 (rows, rows).

    NaN where two rows share fewer than `overlap` columns, or one of them does not vary over those.
    """
    here = np.isfinite(returns)
    count = here.astype(np.float64) @ here.T.astype(np.float64)
    scaled = _scaled(returns, here)
    sums = scaled @ here.T.astype(np.float64)
    squares = scaled**2 @ here.T.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = squares - sums**2 / count
        together = scaled @ scaled.T - sums * sums.T / count
        known = (count >= overlap) & (spread > 1e-12 * squares) & (spread.T > 1e-12 * squares.T)
        return np.where(known, together / np.sqrt(spread * spread.T), np.nan)


def _scaled(returns: np.ndarray, here: np.ndarray) -> np.ndarray:
    """Rows with mean 0 and largest value 1 over what they have, 0 elsewhere: sums stay exact enough for any price."""
    number = np.maximum(here.sum(axis=1, keepdims=True), 1)
    centred = np.where(here, returns, 0.0)
    centred = np.where(here, centred - centred.sum(axis=1, keepdims=True) / number, 0.0)
    largest = np.abs(centred).max(axis=1, keepdims=True, initial=0.0)
    return np.divide(centred, largest, out=np.zeros_like(centred), where=largest > 1e-12)
