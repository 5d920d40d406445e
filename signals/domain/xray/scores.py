"""Scores of every symbol at every candle, each in its stated range; NaN where they cannot be known.

All are of price ratios or of distances in ATRs, so a coin of 1e-9 and one of 1e5 are compared fairly, and all see a
candle and the ones before it only. At an unusable candle (see `usable_candles`) every score is NaN; after it a lane
begins anew and warms up again.
"""

from dataclasses import dataclass

import numpy as np

from signals.domain.indicators.catalog import Indicator
from signals.domain.lanes import Lanes

INDICATORS = (
    Indicator("adx", (14,)),
    Indicator("ema", (20,)),
    Indicator("ema", (60,)),
    Indicator("rsi", (14,)),
    Indicator("roc", (10,)),
    Indicator("atr", (14,)),
    Indicator("natr", (14,)),
    Indicator("volume_sma", (20,)),
    Indicator("volume_z", (20,)),
    Indicator("levels", (100, 3)),
    Indicator("donchian", (20,)),
    Indicator("vol_ratio", (14, 100)),
)
RANKED = 240  # candles that volatility and volume are compared with
RANK_LEAST = 60  # known ones among them, below which there is no rank
SAME = 1e-9  # values nearer than this, relatively, are equal in a rank
NEEDED = 600  # candles after which the memory of recursive indicators is below 1e-9 and the ranks are full


@dataclass(frozen=True, slots=True)
class Scores:
    """float64 (symbols, time) each.

    trend, momentum: -1 to 1. volatility, volume: 0 to 1. support, resistance: distance of the close above the nearest
    swing low and below the nearest swing high, in ATRs, 0 and up.
    """

    trend: np.ndarray
    momentum: np.ndarray
    volatility: np.ndarray
    volume: np.ndarray
    support: np.ndarray
    resistance: np.ndarray


def scores_of(lanes: Lanes, newest: int | None = None) -> Scores:
    """Scores of all symbols at all candles. `lanes` has the columns of INDICATORS.

    With `newest`, the two ranks are computed for so many of the newest candles only (NaN before them): they are most of
    the work.
    """
    atr, close = lanes["atr_14"], lanes.close
    return Scores(
        trend_of(lanes),
        momentum_of(lanes),
        rank_of(lanes["natr_14"], newest=newest),
        rank_of(lanes["volume_sma_20"], newest=newest),
        _in_ranges(close - lanes["levels_support_100_3"], atr),
        _in_ranges(lanes["levels_resistance_100_3"] - close, atr),
    )


def trend_of(lanes: Lanes) -> np.ndarray:
    """Half (DI+ - DI-) / (DI+ + DI-) times min(directed ADX / 40, 1), half tanh((EMA 20 - EMA 60) / (2 ATR 14)).

    -1 to 1. A part whose denominator is 0 (nothing has moved) counts 0; NaN while ADX or an EMA warms up.
    """
    plus, minus = lanes["plus_di_14"], lanes["minus_di_14"]
    directed = _ratio(plus - minus, plus + minus) * np.minimum(adx_directed(lanes) / 40.0, 1.0)
    apart = np.tanh(_ratio(lanes["ema_20"] - lanes["ema_60"], 2.0 * lanes["atr_14"]))
    return np.clip(0.5 * directed + 0.5 * apart, -1.0, 1.0)


def adx_directed(lanes: Lanes) -> np.ndarray:
    """ADX 14 times min((DI+ + DI-) / 10, 1), 0 to 100.

    ADX alone is a ratio of the two: where prices swing without a direction it would go on telling of what little is
    left of the last one.
    """
    directed: np.ndarray = lanes["adx_14"] * np.minimum((lanes["plus_di_14"] + lanes["minus_di_14"]) / 10.0, 1.0)
    return directed


def momentum_of(lanes: Lanes) -> np.ndarray:
    """Half (RSI 14 - 50) / 50, half tanh(ROC 10 / (3 NATR 14)): a move of three ranges in ten candles is 0.76.

    -1 to 1. RSI counts 50 where it is 0 because nothing moved; ROC counts 0 where the range is 0.
    """
    rsi, roc = lanes["rsi_14"], lanes["roc_10"]
    rsi = np.where((rsi == 0.0) & (roc == 0.0), 50.0, rsi)
    moved = np.tanh(_ratio(roc, 3.0 * lanes["natr_14"]))
    return np.clip(0.5 * (rsi - 50.0) / 50.0 + 0.5 * moved, -1.0, 1.0)


def rank_of(
    values: np.ndarray, length: int = RANKED, least: int = RANK_LEAST, newest: int | None = None
) -> np.ndarray:  # fmt: skip
    """Where a value lies among the last `length` ones, itself included: (smaller + half of the equal) / known.

    0 to 1, so 0.5 in a constant market. NaN for a NaN, while fewer than `least` values are known, and before the
    `newest` candles where this is given.
    """
    ranks = np.full(values.shape, np.nan)
    first = 0 if newest is None else max(values.shape[1] - newest, 0)
    for row, lane in enumerate(values):
        padded = np.concatenate((np.full(length - 1, np.nan), lane))[first:]
        now = lane[first:]
        if not now.size:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(padded, length)
        near = np.abs(now) * SAME
        smaller = (windows < (now - near)[:, None]).sum(axis=1)
        not_larger = (windows <= (now + near)[:, None]).sum(axis=1)
        count = np.concatenate(([0], np.cumsum(np.isfinite(padded))))
        known = count[length:] - count[:-length]
        rank = (smaller + not_larger) / (2.0 * np.maximum(known, 1))
        ranks[row, first:] = np.where((known >= least) & np.isfinite(now), rank, np.nan)
    return ranks


def _in_ranges(distance: np.ndarray, atr: np.ndarray) -> np.ndarray:
    """A distance in ATRs; NaN without a level or a range."""
    return distance / np.where(atr > 0.0, atr, np.nan)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, 0 where below is 0; NaN stays NaN."""
    return np.where(below == 0.0, 0.0 * above, above / np.where(below == 0.0, 1.0, below))
