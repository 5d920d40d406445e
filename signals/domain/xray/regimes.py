"""The regime of a symbol: a small decision on named features, and candles that must agree before it changes.

No state is carried: the regime at a candle is the last reading that `confirm` candles in a row had agreed on by then,
so it follows from the candles alone and is the same wherever the window of candles begins.
"""

from dataclasses import dataclass

import numpy as np

from signals.domain.lanes import Lanes
from signals.domain.strategies.base import before
from signals.domain.xray.scores import Scores, adx_directed

UNKNOWN, RANGE, TREND_UP, TREND_DOWN, BREAKOUT, PANIC = range(6)
REGIMES = ("unknown", "range", "trend_up", "trend_down", "breakout", "panic")


@dataclass(frozen=True, slots=True)
class RegimeRules:
    """Thresholds of the model.

    ADX is the directed one of `scores.adx_directed`. A candle reads, the first that is true:
    unknown: a feature is NaN;
    panic: the close fell over `panic_candles` by at least `panic_drop` times the mean ATR of 100 candles, and the ATR
    is at least `panic_ratio` times that mean;
    breakout: the close is at least `break_ranges` ATRs outside the Donchian channel of the 20 candles before it, while
    ADX before was below `trend_adx`, and the ATR ratio or the volume's z-score reaches `break_ratio` or `break_volume`;
    trend_up, trend_down: ADX at least `trend_adx` and the trend score at least `trend_score` (or at most minus that);
    range: else.
    """

    panic_candles: int = 5
    panic_drop: float = 5.0
    panic_ratio: float = 1.3
    break_ranges: float = 0.5
    break_ratio: float = 1.2
    break_volume: float = 1.5
    trend_adx: float = 25.0
    trend_score: float = 0.3
    confirm: int = 3  # candles in a row for a trend or a range; panic, breakout and unknown hold at once


@dataclass(frozen=True, slots=True)
class Regimes:
    """int8 regime (symbols, time), place in REGIMES; strength 0 to 1 (NaN where unknown); int64 `since`: the column of
    the first candle of the present regime.
    """

    regime: np.ndarray
    strength: np.ndarray
    since: np.ndarray


def regimes_of(lanes: Lanes, scores: Scores, rules: RegimeRules | None = None) -> Regimes:
    """Regimes of all symbols at all candles. `lanes` has the columns of `scores.INDICATORS`."""
    rules = rules or RegimeRules()
    with np.errstate(invalid="ignore", divide="ignore"):
        drop, beyond = _drop(lanes, rules), _beyond(lanes)
        reading = _reading(lanes, scores, drop, beyond, rules)
        regime = _confirmed(reading, rules.confirm)
        strength = _strength(regime, lanes, scores, drop, beyond, rules)
    return Regimes(regime, strength, _since(regime))


def _drop(lanes: Lanes, rules: RegimeRules) -> np.ndarray:
    """How far the close fell over some candles, in mean ATRs; negative when it rose, 0 where nothing moves."""
    usual = lanes["atr_14"] / lanes["vol_ratio_14_100"]
    fell = before(lanes.close, rules.panic_candles) - lanes.close
    return np.where(usual == 0.0, 0.0 * fell, fell / np.where(usual == 0.0, 1.0, usual))


def _beyond(lanes: Lanes) -> np.ndarray:
    """How far the close is outside the channel of the candles before it, in ATRs (either side); 0 inside."""
    over = lanes.close - before(lanes["donchian_upper_20"])
    under = before(lanes["donchian_lower_20"]) - lanes.close
    atr = lanes["atr_14"]
    outside = np.maximum(np.maximum(over, under), 0.0)
    return np.where(atr == 0.0, 0.0 * outside, outside / np.where(atr == 0.0, 1.0, atr))


def _reading(
    lanes: Lanes, scores: Scores, drop: np.ndarray, beyond: np.ndarray, rules: RegimeRules
) -> np.ndarray:  # fmt: skip
    """What each candle reads by itself; int8 (symbols, time)."""
    adx, ratio, surge = adx_directed(lanes), lanes["vol_ratio_14_100"], lanes["volume_z_20"]
    calm = before(adx)
    known = np.isfinite(adx + calm + ratio + surge + scores.trend + drop + beyond)
    trending = adx >= rules.trend_adx
    lively = (ratio >= rules.break_ratio) | (surge >= rules.break_volume)
    choices = [
        (~known, UNKNOWN),
        ((drop >= rules.panic_drop) & (ratio >= rules.panic_ratio), PANIC),
        ((beyond >= rules.break_ranges) & (calm < rules.trend_adx) & lively, BREAKOUT),
        (trending & (scores.trend >= rules.trend_score), TREND_UP),
        (trending & (scores.trend <= -rules.trend_score), TREND_DOWN),
    ]
    masks, codes = zip(*choices, strict=True)
    return np.select(list(masks), list(codes), RANGE).astype(np.int8)


def _confirmed(reading: np.ndarray, confirm: int) -> np.ndarray:
    """The last reading that enough candles in a row had agreed on, at each candle; unknown before the first."""
    at = np.arange(reading.shape[1])
    at_once = (reading == UNKNOWN) | (reading == BREAKOUT) | (reading == PANIC)
    sure = at_once | (at - _since(reading) + 1 >= confirm)
    last = np.maximum.accumulate(np.where(sure, at, -1), axis=1)
    rows = np.arange(reading.shape[0])[:, None]
    return np.where(last >= 0, reading[rows, np.maximum(last, 0)], UNKNOWN).astype(np.int8)


def _since(codes: np.ndarray) -> np.ndarray:
    """The column at which each candle's code began; int64 (symbols, time)."""
    at = np.arange(codes.shape[1])
    begins = np.ones(codes.shape, bool)
    begins[:, 1:] = codes[:, 1:] != codes[:, :-1]
    return np.maximum.accumulate(np.where(begins, at, 0), axis=1)


def _strength(
    regime: np.ndarray, lanes: Lanes, scores: Scores, drop: np.ndarray, beyond: np.ndarray, rules: RegimeRules
) -> np.ndarray:
    """How clearly the present candle shows its regime, 0 to 1.

    Trend: half min(directed ADX / 50, 1), half the trend score on its side. Range: 1 less the larger of these two.
    Breakout and panic: x / (x + threshold) of their distance, 0.5 at the threshold.
    """
    strong = np.minimum(adx_directed(lanes) / 50.0, 1.0)
    fell, out = np.maximum(drop, 0.0), np.maximum(beyond, 0.0)
    return np.select(
        [regime == TREND_UP, regime == TREND_DOWN, regime == RANGE, regime == BREAKOUT, regime == PANIC],
        [
            0.5 * strong + 0.5 * np.maximum(scores.trend, 0.0),
            0.5 * strong + 0.5 * np.maximum(-scores.trend, 0.0),
            1.0 - np.maximum(strong, np.abs(scores.trend)),
            out / (out + rules.break_ranges),
            fell / (fell + rules.panic_drop),
        ],
        np.nan,
    )
