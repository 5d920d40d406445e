"""Kinds that TA-Lib lacks, against their formulas written out plainly, one candle after the other."""

import math
from itertools import pairwise

import numpy as np
import pytest

from mlmodels.domain.features import FEATURES, features_compute
from signals.candles.matrix import CandleMatrix
from signals.domain.indicators import KINDS, Indicator
from signals.scan.pass_cpu import lanes_compute
from tests.signals.domain.indicators.test_talib import WITHOUT, prices, traded
from tests.signals.support import real_matrix, walk_matrix

NAN = math.nan


def flow(high, low, close, volume):
    """Chaikin: ((close - low) - (high - close)) / (high - low) of the volume; nothing without a range."""
    return volume * ((close - low) - (high - close)) / (high - low) if high > low else 0.0


def net_flow(o, h, low, c, v, period):
    flows = [flow(*row) for row in zip(h, low, c, v, strict=True)]
    return [[NAN if t < period - 1 else sum(flows[t - period + 1 : t + 1]) for t in range(len(c))]]


def vwap_rolling(o, h, low, c, v, period):
    out = []
    for t in range(len(c)):
        window = range(t - period + 1, t + 1)
        if t < period - 1:
            out.append(NAN)
            continue
        volume = sum(v[i] for i in window)
        paid = sum((h[i] + low[i] + c[i]) / 3 * v[i] for i in window)
        out.append(paid / volume if volume else (h[t] + low[t] + c[t]) / 3)
    return [out]


def volume_z(o, h, low, c, v, period):
    out = []
    for t in range(len(v)):
        window = v[max(t - period + 1, 0) : t + 1]
        spread = np.std(window)
        out.append(NAN if t < period - 1 else 0.0 if spread < 1e-12 * max(v) else (v[t] - np.mean(window)) / spread)
    return [out]


def realised(o, h, low, c, v, period):
    steps = [NAN] + [math.log(b / a) for a, b in pairwise(c)]
    squares = [step * step for step in steps]
    return [[NAN if t < period else math.sqrt(sum(squares[t - period + 1 : t + 1]) / period) for t in range(len(c))]]


def garman_klass(o, h, low, c, v, period):
    terms = [
        0.5 * math.log(h[i] / low[i]) ** 2 - (2 * math.log(2) - 1) * math.log(c[i] / o[i]) ** 2 for i in range(len(c))
    ]
    return [
        [
            NAN if t < period - 1 else math.sqrt(max(sum(terms[t - period + 1 : t + 1]), 0) / period)
            for t in range(len(c))
        ]
    ]


def ichimoku(o, h, low, c, v, tenkan, kijun, senkou):
    def middle(t, period):
        if t < period - 1:
            return NAN
        return (max(h[t - period + 1 : t + 1]) + min(low[t - period + 1 : t + 1])) / 2

    times = range(len(c))
    leading = [((middle(t - kijun, tenkan) + middle(t - kijun, kijun)) / 2, middle(t - kijun, senkou)) for t in times]
    return [
        [middle(t, tenkan) for t in times],
        [middle(t, kijun) for t in times],
        [a for a, _b in leading],
        [b for _a, b in leading],
    ]


def vol_ratio(o, h, low, c, v, atr, mean):
    ranges = [NAN] + [max(h[t], c[t - 1]) - min(low[t], c[t - 1]) for t in range(1, len(c))]
    value, values = NAN, []
    for t in range(len(c)):
        if t == atr:
            value = sum(ranges[1 : atr + 1]) / atr
        elif t > atr:
            value += (ranges[t] - value) / atr
        values.append(value)
    out = []
    for t in range(len(c)):
        usual = sum(values[max(t - mean + 1, 0) : t + 1]) / mean
        out.append(NAN if t < atr + mean - 1 else value_over(values[t], usual))
    return [out]


def value_over(value, usual):
    return value / usual if usual > 0 else 1.0


def levels(o, h, low, c, v, lookback, wing):
    rows = [[], [], [], []]
    for t in range(len(c)):
        if t < lookback + wing:
            told = (NAN,) * 4
        else:
            pivots = range(t - lookback, t - wing + 1)
            near = sum(h[i] - low[i] for i in range(t - lookback + 1, t + 1)) / lookback / 2
            lows = [low[s] for s in pivots if swing(low, s, wing)]
            highs = [h[s] for s in pivots if swing([-x for x in h], s, wing)]
            below = max((x for x in lows if x < c[t]), default=NAN)
            above = min((x for x in highs if x > c[t]), default=NAN)
            told = (below, above, *(sum(abs(x - y) <= near for x in s) for s, y in ((lows, below), (highs, above))))
        for row, value in zip(rows, told, strict=True):
            row.append(value)
    return rows


def swing(x, s, wing):
    return all(x[s] < x[s - k] and x[s] <= x[s + k] for k in range(1, wing + 1))


def half_divergence(price, rsi, lookback, apart):
    """The strategy's definition before it became an indicator: gap and earlier RSI at new lows of `price`."""
    gap, earlier = np.full_like(price, np.nan), np.full_like(price, np.nan)
    for t in range(lookback + 1, price.size):
        window = price[t - lookback - 1 : t]
        where = int(np.argmin(window[: lookback + 1 - apart]))
        if window[-1] <= window.min() and window[-1] < window[where]:
            earlier[t] = rsi[t - lookback - 1 + where]
            gap[t] = rsi[t - 1] - earlier[t]
    return gap, earlier


REFERENCES = {
    "net_flow": (net_flow, (20,), (1,), (7,)),
    "vwap_rolling": (vwap_rolling, (20,), (1,), (50,)),
    "volume_z": (volume_z, (20,), (2,), (30,)),
    "realised": (realised, (20,), (1,), (60,)),
    "garman_klass": (garman_klass, (20,), (1,), (60,)),
    "ichimoku": (ichimoku, (9, 26, 52), (3, 5, 4), (20, 10, 30), (1, 1, 1)),
    "vol_ratio": (vol_ratio, (14, 100), (2, 5), (1, 1)),
    "levels": (levels, (100, 3), (20, 1), (40, 8), (5, 4)),
}
CASES = [Indicator(name, args) for name, (_, *sets) in REFERENCES.items() for args in sets]


def ready(name: str) -> CandleMatrix:
    matrix = traded(walk_matrix(2, 320, scale=1e-9 if name == "tiny" else 3e4))
    for values in prices(matrix):
        if name == "coarse":
            values[:] = np.round(values, -2)
        if name == "still":
            values[:] = 2.5
        if name == "spiking":
            values[:, 100::51] *= 1e3
    return matrix


def assert_same(matrix: CandleMatrix, one: Indicator) -> None:
    lanes = lanes_compute(matrix, [one])
    for lane in range(len(matrix.symbols)):
        series = [getattr(matrix, name)[lane].tolist() for name in ("open", "high", "low", "close", "volume")]
        for name, plain in zip(one.columns, REFERENCES[one.kind][0](*series, *one.args), strict=True):
            scale = np.nanmax(np.abs(plain), initial=0.0)
            np.testing.assert_allclose(lanes[name][lane], plain, rtol=1e-9, atol=1e-12 * scale, err_msg=name)


def test_every_kind_without_talib_has_a_definition():
    strategy = {name for name, kind in KINDS.items() if kind.group == "strategy"}
    assert set(REFERENCES) | {"divergence"} == WITHOUT | strategy


@pytest.mark.parametrize("market", ["walk", "tiny", "coarse", "still", "spiking"])
@pytest.mark.parametrize("one", CASES, ids=lambda one: one.columns[0])
def test_as_defined(one, market):
    assert_same(ready(market), one)


@pytest.mark.parametrize("name", REFERENCES)
def test_as_defined_on_real_candles(name, market_data):
    assert_same(real_matrix(market_data, 5, 600), Indicator(name, KINDS[name].default))


def test_levels_sees_support_and_resistance(market_data):
    lanes = lanes_compute(real_matrix(market_data, 25, 2000), [Indicator("levels", (100, 3))])
    support, resistance, lows, highs = (lanes.columns[name][:, 103:] for name in lanes.columns)
    close = lanes.close[:, 103:]
    there = ~np.isnan(support)
    assert 0.5 < there.mean() < 1.0
    assert (support[there] < close[there]).all() and (lows[there] >= 1).all() and (lows[~there] == 0).all()
    there = ~np.isnan(resistance)
    assert 0.5 < there.mean() < 1.0
    assert (resistance[there] > close[there]).all() and (highs[there] >= 1).all() and (highs.max() >= 4)


@pytest.mark.parametrize("args", [(14, 30, 5), (2, 10, 2), (30, 12, 11), (5, 200, 50)])
def test_divergence_is_what_the_strategy_computed(args, market_data):
    one, rsi = Indicator("divergence", args), Indicator("rsi", args[:1])
    coarse = walk_matrix(5, 900)
    coarse.close[:] = np.round(coarse.close, 2)
    coarse.low[:], coarse.high[:] = np.minimum(coarse.low, coarse.close), np.maximum(coarse.high, coarse.close)
    for matrix in (walk_matrix(5, 900), coarse, real_matrix(market_data, 20, 1500), walk_matrix(2, args[1] + 1)):
        lanes = lanes_compute(matrix, [one, rsi])
        for lane in range(len(matrix.symbols)):
            close, values = matrix.close[lane], lanes[rsi.columns[0]][lane]
            low_gap, low_rsi = half_divergence(close, values, *args[1:])
            high_gap, high_rsi = half_divergence(-close, -values, *args[1:])
            for name, expected in zip(one.columns, (low_gap, low_rsi, high_gap, -high_rsi), strict=True):
                np.testing.assert_array_equal(lanes[name][lane], expected, err_msg=name)


def test_flow_is_what_the_models_see(market_data):
    """The models' features of volume are these indicators: flow = net_flow over volume = CMF, volume_z = volume_z."""
    matrix = real_matrix(market_data, 10, 400)
    lanes = lanes_compute(
        matrix,
        [
            Indicator("net_flow", (20,)),
            Indicator("cmf", (20,)),
            Indicator("volume_z", (30,)),
            Indicator("volume_sma", (20,)),
        ],
    )
    features = features_compute(matrix)
    seen = {name: features[:, 60:, FEATURES.index(name)] for name in ("flow_20", "volume_z_30")}
    np.testing.assert_allclose(lanes["cmf_20"][:, 60:], seen["flow_20"], rtol=1e-9, atol=1e-12)
    by_volume = lanes["net_flow_20"] / (lanes["volume_sma_20"] * 20)
    np.testing.assert_allclose(by_volume[:, 60:], seen["flow_20"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(lanes["volume_z_30"][:, 60:], seen["volume_z_30"], rtol=1e-9, atol=1e-12)
