"""Coins that move together: correlations of returns, and groups around the most traded coin of each.

Groups are made greedily: symbols are taken in the order given (by volume), each joins the first leader it is correlated
enough with, else it leads a group of its own. So every member moves with its leader, and a chain of similar coins does
not become one group as it would by single linkage.
"""

import numpy as np

BLOCK = 15  # candles whose return is one sample: below that, ticks and late trades hide what moves together
LEAST = 60  # samples that two symbols must share
ENOUGH = 0.7  # correlation from which two coins count as one risk


def returns_of(close: np.ndarray, block: int = BLOCK) -> np.ndarray:
    """Log returns over whole blocks, float64 (symbols, blocks); NaN where either end is missing or not above 0.

    `close` is (symbols, candles) on one time grid.
    """
    ends = close[:, ::-1][:, ::block][:, ::-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.where(ends > 0.0, np.log(ends), np.nan)
    return np.diff(logs, axis=1)


def correlations(returns: np.ndarray, least: int = LEAST) -> np.ndarray:
    """Pearson correlation of every two symbols over the samples both have, float64 (symbols, symbols).

    NaN where they share fewer than `least`, and where one of them does not move.
    """
    known = np.isfinite(returns)
    values = np.where(known, returns, 0.0)
    present = known.astype(np.float64)
    count = present @ present.T
    sums, squares = values @ present.T, (values * values) @ present.T
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = (values @ values.T) / count - (sums / count) * (sums.T / count)
        spread = squares / count - (sums / count) ** 2
        found = covariance / np.sqrt(spread * spread.T)
    still = (spread <= 1e-18) | (spread.T <= 1e-18)
    return np.where((count < least) | still, np.nan, np.clip(found, -1.0, 1.0))


def groups_of(correlation: np.ndarray, enough: float = ENOUGH) -> list[int | None]:
    """For each symbol the index of its group's leader (its own, when it leads); None where nothing is known of it.

    Symbols are in the order of their importance.
    """
    leaders: list[int] = []
    found: list[int | None] = []
    for index in range(correlation.shape[0]):
        if not np.isfinite(np.delete(correlation[index], index)).any():
            found.append(None)
            continue
        joined = next((one for one in leaders if correlation[index, one] >= enough), None)
        leaders += [] if joined is not None else [index]
        found.append(index if joined is None else joined)
    return found
