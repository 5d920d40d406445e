"""Weights from outcomes, within bounds. The k-th newest of a source's outcomes counts share * 0.5 ** (k / half_life);
the mean net return is shrunk towards 0 by `prior` outcomes of nothing; weight = 1 + mean / weight_scale, cut to its
bounds. One outcome counts at most CLIP either way, so that a single windfall decides nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from signals.domain.aggregation.settings import Settings

CLIP = 0.05  # a net return beyond 5 % either way counts as 5 %
START = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A closed trade's net return, a fraction, and the share (0..1] of it that is the source's doing."""

    return_net: float
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Learned:
    """weight None: too few outcomes, leave it. mean_return is shrunk, win_rate is not; both fade with age."""

    weight: float | None
    samples: int
    mean_return: float
    win_rate: float


def weight_learned(outcomes: Sequence[Outcome], settings: Settings, low: float, high: float) -> Learned:
    """From a source's outcomes, newest first; those that are not finite are left out. low <= weight <= high."""
    known = [one for one in outcomes if math.isfinite(one.return_net) and one.share > 0.0]
    counts = [one.share * 0.5 ** (place / settings["half_life"]) for place, one in enumerate(known)]
    returns = [min(max(one.return_net, -CLIP), CLIP) for one in known]
    total = math.fsum(counts)
    if total <= 0.0:
        return Learned(None, 0, 0.0, 0.0)
    mean = math.fsum(c * r for c, r in zip(counts, returns, strict=True)) / (total + settings["prior"])
    wins = math.fsum(c for c, r in zip(counts, returns, strict=True) if r > 0.0) / total
    weight = min(max(START + mean / settings["weight_scale"], low), high)
    return Learned(weight if len(known) >= settings["least_outcomes"] else None, len(known), mean, wins)
