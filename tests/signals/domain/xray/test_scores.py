"""Laws of the X-ray's scores: ranges, the same at any price, no look-ahead, and a rule for every bad candle."""

import dataclasses

import numpy as np
import pytest

from signals.candles.matrix import FIELDS, CandleMatrix
from signals.domain.xray import INDICATORS, liquidity, potential, regimes_of, scores_of
from signals.scan.pass_cpu import lanes_compute
from tests.signals.support import START, holed_matrix, real_matrix, walk_matrix

RANGES = {
    "trend": (-1, 1), "momentum": (-1, 1), "volatility": (0, 1), "volume": (0, 1), "support": (0, np.inf),
    "resistance": (0, np.inf), "strength": (0, 1), "potential": (0, 1),
}  # fmt: skip
WARM = 300  # candles after which no score of an unbroken lane is missing, levels excepted


def seen(matrix: CandleMatrix, liquid: float = 0.5) -> dict[str, np.ndarray]:
    lanes = lanes_compute(matrix, INDICATORS)
    scores = scores_of(lanes)
    regimes = regimes_of(lanes, scores)
    found = {field.name: getattr(scores, field.name) for field in dataclasses.fields(scores)}
    rank = potential(scores, np.full(len(matrix.symbols), liquid), regimes.regime)
    return found | {"strength": regimes.strength, "regime": regimes.regime, "potential": rank, "since": regimes.since}


def lively(lanes: int, length: int, **given) -> CandleMatrix:
    matrix = walk_matrix(lanes, length, **given)
    matrix.volume[:] = np.random.default_rng(5).lognormal(1.0, 0.8, matrix.volume.shape)
    return matrix


def flat(price: float, spread: float = 0.0, volume: float = 10.0, length: int = 500) -> CandleMatrix:
    shape = (1, length)
    close, high, low = np.full(shape, price), np.full(shape, price + spread), np.full(shape, price - spread)
    times = START + 60_000 * np.arange(length, dtype=np.int64)
    return CandleMatrix(("F/USDT",), times, close, high, low, close.copy(), np.full(shape, volume))


@pytest.mark.parametrize("make", [lambda: lively(6, 900), lambda: holed_matrix(9, 900)], ids=["walk", "holed"])
def test_ranges(make):
    found = seen(make())
    for name, (low, high) in RANGES.items():
        values = found[name][np.isfinite(found[name])]
        assert values.size > 500 and values.min() >= low and values.max() <= high, name
        assert not np.isinf(found[name]).any(), name


def test_ranges_on_real_candles(market_data):
    found = seen(real_matrix(market_data, 12, 3000))
    for name, (low, high) in RANGES.items():
        values = found[name][np.isfinite(found[name])]
        assert values.min() >= low and values.max() <= high, name
    assert np.isfinite(found["trend"][:, WARM:]).all() and np.isfinite(found["volatility"][:, WARM:]).all()
    assert (found["regime"][:, WARM:] > 0).all() and set(np.unique(found["regime"])) == set(range(6))


@pytest.mark.parametrize("factor", [2.0**-30, 2.0**20, 1e-9, 12345.678])
def test_the_same_at_any_price(factor: float):
    matrix = lively(4, 700)
    prices = {name: getattr(matrix, name) * factor for name in FIELDS[:4]}
    one, other = seen(matrix), seen(dataclasses.replace(matrix, **prices))
    for name in (*RANGES, "regime"):
        np.testing.assert_allclose(other[name], one[name], rtol=1e-6, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("length", [1, 2, 59, 114, 115, 300, 555, 699])
@pytest.mark.parametrize("make", [lively, holed_matrix])
def test_a_prefix_says_the_same(make, length: int):
    whole = make(6, 700)
    part = CandleMatrix(
        whole.symbols, whole.open_time_ms[:length], *(getattr(whole, name)[:, :length] for name in FIELDS)
    )
    one, other = seen(whole), seen(part)
    for name in (*RANGES, "regime", "since"):
        np.testing.assert_array_equal(other[name], one[name][:, :length], err_msg=name)


@pytest.mark.parametrize("spread", [0.0, 0.5])
@pytest.mark.parametrize("volume", [0.0, 10.0])
def test_a_market_that_does_not_move(spread: float, volume: float):
    found = seen(flat(100.0, spread, volume))
    last = {name: values[0, -1] for name, values in found.items()}
    assert last["trend"] == last["momentum"] == 0.0
    assert last["volatility"] == last["volume"] == 0.5
    assert last["regime"] == 1 and last["strength"] == 1.0
    assert np.isnan(last["support"]) and 0.3 < last["potential"] < 0.6


def test_a_symbol_of_one_candle_is_unknown():
    found = seen(lively(3, 1))
    assert all(np.isnan(found[name]).all() for name in RANGES) and not found["regime"].any()


def test_no_candle_at_all():
    assert seen(lively(3, 0))["trend"].shape == (3, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0, -1.0])
def test_a_bad_candle_is_unknown_and_harms_no_other_symbol(bad: float):
    matrix, clean = lively(3, 900), seen(lively(3, 900))
    matrix.close[1, 450] = bad
    found = seen(matrix)
    assert all(np.isnan(found[name][1, 450]) for name in RANGES) and found["regime"][1, 450] == 0
    assert found["regime"][1, 460] == 0 and found["regime"][1, 450 + WARM] > 0
    for name in (*RANGES, "regime"):
        np.testing.assert_array_equal(found[name][[0, 2]], clean[name][[0, 2]], err_msg=name)
        np.testing.assert_array_equal(found[name][1, :450], clean[name][1, :450], err_msg=name)


def test_a_steady_rise_and_its_mirror():
    up = flat(100.0, 0.5, length=400)
    slope = np.linspace(0.0, 60.0, 400)
    rising = dataclasses.replace(up, **{name: getattr(up, name) + slope for name in FIELDS[:4]})
    falling = dataclasses.replace(up, **{name: getattr(up, name) + 60.0 - slope for name in FIELDS[:4]})
    high, low = seen(rising), seen(falling)
    assert high["trend"][0, -1] > 0.6 and high["momentum"][0, -1] > 0.6
    assert low["trend"][0, -1] < -0.6 and low["momentum"][0, -1] < -0.6
    assert high["potential"][0, -1] > 0.5 + low["potential"][0, -1] / 2


def test_ranks_of_the_newest_are_those_of_the_whole():
    lanes = lanes_compute(lively(4, 700), INDICATORS)
    whole, newest = scores_of(lanes), scores_of(lanes, newest=3)
    for name in ("volatility", "volume"):
        np.testing.assert_array_equal(getattr(newest, name)[:, -3:], getattr(whole, name)[:, -3:])
        assert np.isnan(getattr(newest, name)[:, :-3]).all()


def test_liquidity():
    volume = np.array([1e4, 1e9, 1e12, 1e9, 1e9, 0.0, np.nan, np.inf, 1e9])
    spread = np.array([0.005, 0.0, 0.0, np.nan, 0.1, 0.0, 0.0, 0.0, -1.0])
    np.testing.assert_allclose(liquidity(volume, spread), [0.0, 1.0, 1.0, 1.0, 0.6, np.nan, np.nan, np.nan, 1.0])
