"""Equal to TA-Lib, NaN positions included, to 1e-9 relative."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.candles.matrix import CandleMatrix
from signals.domain.indicators import KINDS, Indicator
from tests.signals.domain.indicators.series import TALIB, failures
from tests.signals.support import real_matrix, walk_matrix

WITHOUT = {"net_flow", "ichimoku", "realised", "garman_klass", "vwap_rolling", "volume_z"}
DEFAULT = [one for one in TALIB if one.args == KINDS[one.kind].default]


def traded(matrix: CandleMatrix, seed: int = 3) -> CandleMatrix:
    """With volumes of many sizes, some of them none."""
    matrix.volume[:] = np.random.default_rng(seed).lognormal(3.0, 2.0, matrix.volume.shape)
    matrix.volume[:, ::37] = 0.0
    return matrix


def prices(matrix: CandleMatrix):
    return matrix.open, matrix.high, matrix.low, matrix.close


def test_every_kind_that_talib_has_is_compared():
    ours = {name for name, kind in KINDS.items() if kind.group != "strategy"}
    assert {one.kind for one in TALIB} == ours - WITHOUT
    assert {one.kind for one in DEFAULT} == {one.kind for one in TALIB}


def test_on_real_candles(market_data):
    assert failures(real_matrix(market_data, 100, 3000)) == []


def test_on_whole_real_pairs(market_data):
    assert failures(real_matrix(market_data, 6, 26_000), DEFAULT) == []


@pytest.mark.parametrize("scale", [1.0, 1e5, 1e9, 1e-6, 1e-9, 1e-12])
def test_at_any_price(scale):
    assert failures(traded(walk_matrix(4, 600, scale=scale))) == []


@pytest.mark.parametrize("price", [1.0, 0.1, 60_000.1, 1e-9, 1e-12])
@pytest.mark.parametrize("volume", [0.0, 3.7])
def test_on_a_constant_series(price, volume):
    flat = np.full((1, 300), price)
    matrix = CandleMatrix(("X",), np.arange(300), flat, flat, flat, flat, np.full((1, 300), volume))
    assert failures(matrix) == []


@pytest.mark.parametrize("times", [1e3, 1e-3, 1e6, 1e-6])
def test_on_spiking_candles(times):
    matrix = traded(walk_matrix(3, 900))
    for values in prices(matrix):
        values[:, 100::211] *= times
    assert failures(matrix) == []


@pytest.mark.parametrize("times", [1e3, 1e6])
def test_on_spiking_closes(times):
    matrix = traded(walk_matrix(3, 900))
    matrix.close[:, ::97] *= times
    matrix.high[:] = np.maximum(matrix.high, matrix.close)
    # TA-Lib's weighted averages are running sums that keep the rounding of a spike for up to 8 windows; ours add up
    # each window, so after a spike of 1e6 they are compared on that scale.
    weighted = [one for one in TALIB if one.kind in ("wma", "hma")]
    assert failures(matrix, [one for one in TALIB if one not in weighted]) == []
    assert failures(matrix, weighted, rtol=1e-9 if times < 1e6 else 1e-8) == []


def test_on_a_market_that_stops():
    matrix = traded(walk_matrix(2, 900))
    for values in prices(matrix):
        values[:, 300:500] = matrix.close[:, 299:300]
    assert failures(matrix) == []


def test_on_coarse_ticks():
    matrix = traded(walk_matrix(3, 900))
    for values in prices(matrix):
        values[:] = np.round(values, 2)
    assert failures(matrix) == []


def test_on_gapped_candles():
    """Prices that jump between candles, so that the true range is not the candle's."""
    matrix = traded(walk_matrix(3, 700))
    jumps = np.cumprod(np.where(np.arange(700) % 23 == 0, 1.08, 0.997))
    for values in prices(matrix):
        values *= jumps
    assert failures(matrix) == []


@pytest.mark.parametrize("length", [1, 2, 3, 14, 15, 28, 34, 60])
def test_on_short_lanes(length):
    assert failures(traded(walk_matrix(2, length))) == []


WINDOW = st.integers(2, 80)
DRAWN = {
    "sma": (WINDOW,), "ema": (WINDOW,), "wma": (WINDOW,), "hma": (WINDOW,), "rsi": (WINDOW,), "adx": (WINDOW,),
    "aroon": (WINDOW,), "willr": (WINDOW,), "cci": (WINDOW,), "roc": (WINDOW,), "mom": (WINDOW,), "trix": (WINDOW,),
    "atr": (WINDOW,), "natr": (WINDOW,), "mfi": (WINDOW,), "cmf": (WINDOW,), "donchian": (WINDOW,),
    "volume_sma": (WINDOW,), "bb": (WINDOW, st.sampled_from([0.5, 2.0, 3.3])),
    "supertrend": (WINDOW, st.sampled_from([0.5, 2.0, 3.3])), "kc": (WINDOW, WINDOW, st.sampled_from([0.5, 2.0])),
    "stoch": (WINDOW, st.integers(1, 9), st.integers(1, 9)),
    "stochrsi": (WINDOW, st.integers(2, 40), st.integers(2, 9)),
    "macd": (st.integers(2, 30), st.integers(31, 80), st.integers(1, 20)),
    "ultosc": (st.integers(1, 9), st.integers(9, 20), st.integers(20, 60)),
    "sar": (st.sampled_from([0.01, 0.02, 0.1]), st.sampled_from([0.1, 0.2, 0.5])),
}  # fmt: skip


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.data())
def test_property_any_arguments_on_random_walks(data):
    name = data.draw(st.sampled_from(sorted(DRAWN)))
    one = Indicator(name, data.draw(st.tuples(*DRAWN[name])))
    seed, length = data.draw(st.integers(0, 10_000)), data.draw(st.integers(1, 400))
    scale = data.draw(st.sampled_from([1.0, 7e4, 1e-5, 1e-9]))
    rounded = data.draw(st.booleans())
    matrix = traded(walk_matrix(3, length, scale=scale, seed=seed), seed)
    if rounded:
        for values in prices(matrix):
            values[:] = np.maximum(np.round(values / scale, 3), 0.001) * scale
    assert failures(matrix, [one]) == []
