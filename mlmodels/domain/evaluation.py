"""What a model is worth on rows it has not seen: plain measures over arrays, all returns net of costs."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlmodels.domain.rolling import Array

Z_RANGE = 1.959964
"""Two-sided 95 %, for the range that is shown."""
Z_GATE = 1.644854
"""One-sided 95 %, for the lower bound that the gate looks at."""
CURVE_POINTS = 60


def auc(wins: NDArray[np.bool_], probability: Array) -> float:
    """Area under the ROC curve (Mann-Whitney, ties count half); 0.5 when only one class is there."""
    positives = int(wins.sum())
    negatives = len(wins) - positives
    if not positives or not negatives:
        return 0.5
    _, place, count = np.unique(probability, return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2.0
    return float((rank[place][wins].sum() - positives * (positives + 1) / 2.0) / (positives * negatives))


def log_loss(wins: NDArray[np.bool_], probability: Array) -> float:
    """Mean of `row_losses`; 0 without rows."""
    return float(row_losses(wins, probability).mean()) if len(wins) else 0.0


def row_losses(wins: NDArray[np.bool_], probability: Array) -> Array:
    """Negative log likelihood of each row, natural logarithm, probabilities clipped to 1e-12."""
    clipped = np.clip(probability, 1e-12, 1.0 - 1e-12)
    return -np.where(wins, np.log(clipped), np.log(1.0 - clipped))


def wilson(hits: int, total: int, z: float = Z_RANGE) -> tuple[float, float]:
    """Range of a share (Wilson's score interval); (0, 1) without trials."""
    if total == 0:
        return 0.0, 1.0
    share, spread = hits / total, z * z / total
    middle = (share + spread / 2.0) / (1.0 + spread)
    half = z * np.sqrt(share * (1.0 - share) / total + spread / (4.0 * total)) / (1.0 + spread)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def student_t(z: float, freedom: int) -> float:
    """Quantile of Student's t that belongs to the normal quantile `z` (Cornish-Fisher, Abramowitz-Stegun 26.7.5)."""
    first = (z**3 + z) / (4.0 * freedom)
    return z + first + (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / (96.0 * freedom**2)


def mean_lower_bound(values: Array, block: NDArray[np.int64], z: float = Z_GATE) -> tuple[float, int]:
    """Lower bound of a mean whose values move together within a block (cluster-robust), and the number of blocks.

    Coins rise and fall together and labels overlap in time, so signals of one block count nearly as one. Minus
    infinity with fewer than two blocks.
    """
    _, place = np.unique(block, return_inverse=True)
    blocks = int(place.max()) + 1 if len(place) else 0
    if blocks < 2:
        return float("-inf"), blocks
    sums = np.bincount(place, weights=values - values.mean())
    error = np.sqrt((sums**2).sum() * blocks / (blocks - 1)) / len(values)
    return float(values.mean() - student_t(z, blocks - 1) * error), blocks


@dataclass(frozen=True)
class Evaluation:
    """Measures of one model on one stretch of rows; returns are fractions, net of costs."""

    rows: int
    base_rate: float
    auc: float
    log_loss: float
    log_loss_baseline: float
    """Of the constant that the training rows' base rate is."""
    skill_low: float | None
    """Lower 95 % bound of (baseline - model) log loss a row; above zero, the skill is no chance. None: no telling."""
    threshold: float
    signals: int
    blocks: int
    precision: float
    precision_low: float
    precision_high: float
    net_mean: float
    """Expected net return of a signal."""
    net_low: float | None
    """Lower 95 % bound of it; None when there are too few signals to say."""
    net_all: float
    """Net return of entering at every row: what no model at all makes."""
    profit_curve: list[list[float]]
    """[[open time in ms, cumulated net return of the signals so far], ...], at most 60 points."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def profit_curve(times_ms: NDArray[np.int64], net: Array) -> list[list[float]]:
    """Cumulated net return over the signals in order of time, thinned."""
    total = np.cumsum(net)
    picks = np.unique(np.linspace(0, max(len(net) - 1, 0), min(CURVE_POINTS, len(net))).astype(int))
    return [[float(times_ms[index]), round(float(total[index]), 6)] for index in picks]


def evaluate(
    *,
    wins: NDArray[np.bool_],
    net: Array,
    step: NDArray[np.int64],
    times_ms: NDArray[np.int64],
    probability: Array,
    threshold: float,
    train_base_rate: float,
    horizon: int,
) -> Evaluation:
    """Measure `probability` (rows,) against what happened; `times_ms` are the rows' open times."""
    chosen = probability >= threshold
    picked, hits = net[chosen], int(wins[chosen].sum())
    low, blocks = mean_lower_bound(picked, step[chosen] // (2 * horizon))
    precision_low, precision_high = wilson(hits, len(picked))
    constant = np.full(len(wins), train_base_rate)
    skill_low, _ = mean_lower_bound(row_losses(wins, constant) - row_losses(wins, probability), step // (2 * horizon))
    return Evaluation(
        rows=len(wins),
        base_rate=float(wins.mean()) if len(wins) else 0.0,
        auc=auc(wins, probability),
        log_loss=log_loss(wins, probability),
        log_loss_baseline=log_loss(wins, constant),
        skill_low=skill_low if np.isfinite(skill_low) else None,
        threshold=threshold,
        signals=len(picked),
        blocks=blocks,
        precision=hits / len(picked) if len(picked) else 0.0,
        precision_low=precision_low,
        precision_high=precision_high,
        net_mean=float(picked.mean()) if len(picked) else 0.0,
        net_low=low if np.isfinite(low) else None,
        net_all=float(net.mean()) if len(net) else 0.0,
        profit_curve=profit_curve(times_ms[chosen], picked),
    )


def threshold_choose(
    probability: Array, net: Array, step: NDArray[np.int64], *, horizon: int, min_signals: int
) -> float:
    """The threshold that pays best with some certainty, from out-of-fold rows only.

    Measured by the lower bound of the expected net return times the root of the number of signals (a bot has few
    slots, so one good signal counts for more than two poor ones, but rare ones feed nobody); below zero by the bound
    alone. Candidates leave between `min_signals` rows and a fifth of all; without one, that of the best hundredth.
    """
    best, best_worth = float(np.quantile(probability, 0.99)), float("-inf")
    for share in (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2):
        threshold = float(np.quantile(probability, 1.0 - share))
        chosen = probability >= threshold
        if chosen.sum() < min_signals:
            continue
        low, _ = mean_lower_bound(net[chosen], step[chosen] // (2 * horizon))
        worth = low * float(np.sqrt(chosen.sum())) if low > 0.0 else low
        if worth > best_worth:
            best, best_worth = threshold, worth
    return best
