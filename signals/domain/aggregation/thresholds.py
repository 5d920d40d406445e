"""The confidence that an aggregate needs, per symbol and candle.

threshold = base * ratio ** volatility_power * (1 + hit_rate_pull * (0.5 - hit rate)), cut to its bounds; ratio is
recent over usual volatility, cut to [1 / RATIO, RATIO]: when a symbol moves more than it usually does, more is asked.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from signals.domain.aggregation.settings import Settings

RATIO = 2.0
HIT_PRIOR = 10.0  # outcomes, half of them wins, that are taken for granted


def volatility_ratio(closes: Sequence[float], settings: Settings) -> float:
    """Mean absolute log return of the newest `short` candles over that of the newest `long`.

    `closes` oldest first; candles that are missing or not above 0 are left out. 1 while there are too few, or where
    nothing moves.
    """
    prices = [price for price in closes if math.isfinite(price) and price > 0.0]
    moves = [abs(math.log(b / a)) for a, b in pairwise(prices)]
    short, long = int(settings["short"]), int(settings["long"])
    usual, recent = moves[-long:], moves[-short:]
    if len(usual) <= short or math.fsum(usual) <= 0.0:
        return 1.0
    ratio = (math.fsum(recent) / len(recent)) / (math.fsum(usual) / len(usual))
    return min(max(ratio, 1.0 / RATIO), RATIO)


def hit_rate(wins: int, losses: int) -> float:
    """Share of wins, drawn towards a half while there are few outcomes."""
    return (wins + HIT_PRIOR / 2.0) / (wins + losses + HIT_PRIOR)


def threshold_at(ratio: float, hits: float, settings: Settings) -> float:
    """The threshold for a volatility ratio and a hit rate (0..1)."""
    pull = 1.0 + settings["hit_rate_pull"] * (0.5 - hits)
    value = settings["base_threshold"] * ratio ** settings["volatility_power"] * pull
    return min(max(value, settings["low_threshold"]), settings["high_threshold"])
