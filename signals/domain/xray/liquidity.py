"""Liquidity of a market and the potential of a token, 0 to 1."""

import numpy as np

from signals.domain.xray.regimes import PANIC
from signals.domain.xray.scores import Scores

VOLUME_LOW, VOLUME_HIGH = 1e4, 1e9  # 24 h volume in quote currency that counts 0 and 1, on a scale of powers of ten
SPREAD_WIDE = 0.005  # a fraction; counts 0
VOLUME_SHARE = 0.6
WEIGHTS = {"trend": 0.25, "momentum": 0.20, "volume": 0.15, "liquidity": 0.20, "room": 0.20}
PANIC_SHARE = 0.5


def liquidity(volume_24h: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """0.6 of log10(volume / 1e4) / 5 held to 0..1, 0.4 of 1 - spread / 0.005 held to 0..1; float64 (symbols,).

    volume_24h in quote currency, so compare symbols of one quote currency; spread as a fraction of the middle. Without
    a spread it is the volume alone; NaN where the volume is not known (NaN, infinite, or not above 0).
    """
    known = np.isfinite(volume_24h) & (volume_24h > 0.0)
    volume = np.log10(np.where(known, volume_24h, VOLUME_LOW) / VOLUME_LOW) / np.log10(VOLUME_HIGH / VOLUME_LOW)
    deep = np.clip(volume, 0.0, 1.0)
    quoted = np.isfinite(spread) & (spread >= 0.0)
    tight = np.clip(1.0 - np.where(quoted, spread, 0.0) / SPREAD_WIDE, 0.0, 1.0)
    both = np.where(quoted, VOLUME_SHARE * deep + (1.0 - VOLUME_SHARE) * tight, deep)
    return np.where(known, both, np.nan)


def potential(scores: Scores, liquid: np.ndarray, regime: np.ndarray) -> np.ndarray:
    """The token's potential for a buyer, 0 to 1; float64 (symbols, time).

    The mean of (trend + 1) / 2, (momentum + 1) / 2, volume, liquidity and room by WEIGHTS, over those that are known;
    room = distance to resistance / (distance to support + distance to resistance), 1 with no resistance above, 0 with
    no support below. Halved in a panic. NaN unless trend and momentum are known. `liquid` is (symbols,).
    """
    parts = {
        "trend": (scores.trend + 1.0) / 2.0,
        "momentum": (scores.momentum + 1.0) / 2.0,
        "volume": scores.volume,
        "liquidity": np.broadcast_to(np.asarray(liquid)[:, None], scores.trend.shape),
        "room": _room(scores),
    }
    total, weights = np.zeros(scores.trend.shape), np.zeros(scores.trend.shape)
    for name, values in parts.items():
        known = np.isfinite(values)
        total += np.where(known, values, 0.0) * WEIGHTS[name]
        weights += known * WEIGHTS[name]
    mean = np.clip(total / np.where(weights > 0.0, weights, 1.0), 0.0, 1.0)
    mean = np.where(regime == PANIC, PANIC_SHARE * mean, mean)
    return np.where(np.isfinite(scores.trend) & np.isfinite(scores.momentum), mean, np.nan)


def _room(scores: Scores) -> np.ndarray:
    below, above = scores.support, scores.resistance
    has_below, has_above = np.isfinite(below), np.isfinite(above)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = above / (below + above)
    return np.select([has_below & has_above, has_below, has_above], [between, 1.0, 0.0], np.nan)
