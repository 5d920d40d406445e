"""The X-ray of a symbol: scores in stated ranges, its regime, and the strategy that has paid best in it."""

from signals.domain.xray.best import Best, Tally, best_of
from signals.domain.xray.liquidity import liquidity, potential
from signals.domain.xray.regimes import REGIMES, RegimeRules, Regimes, regimes_of
from signals.domain.xray.scores import INDICATORS, NEEDED, Scores, scores_of

__all__ = [
    "INDICATORS",
    "NEEDED",
    "REGIMES",
    "Best",
    "RegimeRules",
    "Regimes",
    "Scores",
    "Tally",
    "best_of",
    "liquidity",
    "potential",
    "regimes_of",
    "scores_of",
]
