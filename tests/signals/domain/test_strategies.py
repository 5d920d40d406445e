import numpy as np
import pytest

from signals.candles.matrix import CandleMatrix
from signals.domain.strategies import REGISTRY, ParameterError, strategy_of
from signals.scan.pass_cpu import lanes_compute
from tests.signals import support
from tests.signals.support import real_matrix

NAMED = ["ma_cross", "rsi_divergence", "bollinger_breakout", "macd_trend"]
KINDS = [*NAMED, "momentum", "support_resistance", "trend", "squeeze", "volume_flow"]
FIELDS = ("open", "high", "low", "close", "volume")


def walk_matrix(lanes: int, length: int, **given) -> CandleMatrix:
    """A walk in which different amounts are traded."""
    matrix = support.walk_matrix(lanes, length, **given)
    matrix.volume[:] = np.random.default_rng(5).lognormal(1.0, 0.8, matrix.volume.shape)
    return matrix


def decided(kind: str, matrix: CandleMatrix, **given):
    rules = REGISTRY[kind]
    values = rules.validate(given)
    return rules.decide(lanes_compute(matrix, rules.indicators(values)), values)


def prefix(matrix: CandleMatrix, length: int) -> CandleMatrix:
    return CandleMatrix(
        matrix.symbols, matrix.open_time_ms[:length], *(getattr(matrix, name)[:, :length] for name in FIELDS)
    )


def test_the_four_named_strategies_and_the_families_are_registered():
    assert list(REGISTRY) == KINDS
    names = ["MovingAverage", "RSIDivergence", "BollingerBandsBreakout", "MACDTrendFollowing"]
    assert [rules.name for rules in REGISTRY.values()][:4] == names


@pytest.mark.parametrize("kind", KINDS)
def test_no_look_ahead_on_real_candles(kind, market_data):
    """Every prefix decides, at its last candle, what the whole series decides there."""
    matrix = real_matrix(market_data, 25, 1200)
    whole = decided(kind, matrix)
    assert (whole.side == 1).any() and (whole.side == -1).any()
    for length in range(150, 1200, 37):
        part = decided(kind, prefix(matrix, length))
        np.testing.assert_array_equal(part.side, whole.side[:, :length])
        np.testing.assert_array_equal(part.confidence, whole.confidence[:, :length])


@pytest.mark.parametrize("kind", KINDS)
def test_the_newest_candles_alone_decide_the_same(kind):
    """A scan hands over only the last columns, `needs` more than it wants decided."""
    rules, matrix = REGISTRY[kind], walk_matrix(30, 600)
    values = rules.validate({})
    lanes = lanes_compute(matrix, rules.indicators(values))
    whole = rules.decide(lanes, values)
    tail = rules.decide(lanes.last(40 + rules.needs(values)), values)
    np.testing.assert_array_equal(tail.side[:, -40:], whole.side[:, -40:])
    np.testing.assert_array_equal(tail.confidence[:, -40:], whole.confidence[:, -40:])
    assert whole.side[:, -40:].any()


@pytest.mark.parametrize("kind", KINDS)
def test_confidence_and_reason(kind):
    rules, decisions = REGISTRY[kind], decided(kind, walk_matrix(40, 800))
    said = decisions.side != 0
    assert ((decisions.confidence[said] >= 0) & (decisions.confidence[said] <= 1)).all()
    assert len(np.unique(decisions.confidence[said].round(6))) > said.sum() // 2
    assert (decisions.confidence[~said] == 0).all()
    row, column = np.argwhere(said)[0]
    details = {name: float(values[row, column]) for name, values in decisions.details.items()}
    reason = rules.reason(int(decisions.side[row, column]), rules.validate({}), details)
    assert "nan" not in reason and 20 < len(reason) < 200


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0, -5.0])
def test_a_bad_candle_silences_its_own_lane_only(kind, bad):
    clean, dirty = walk_matrix(12, 400), walk_matrix(12, 400)
    for name in ("open", "high", "low", "close"):
        getattr(dirty, name)[3, -2] = bad
    healthy, broken = decided(kind, clean), decided(kind, dirty)
    others = [lane for lane in range(12) if lane != 3]
    np.testing.assert_array_equal(broken.side[others], healthy.side[others])
    assert not broken.side[3, -2:].any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("price", [1.0, 1e-9])
def test_a_constant_market_gives_no_signal(kind, price):
    flat = np.full((2, 300), price)
    assert not decided(kind, CandleMatrix(("A", "B"), np.arange(300), flat, flat, flat, flat, flat)).side.any()


@pytest.mark.parametrize("kind", KINDS)
def test_the_size_of_the_price_does_not_matter(kind):
    normal, tiny = decided(kind, walk_matrix(20, 500)), decided(kind, walk_matrix(20, 500, scale=2.0**-30))
    np.testing.assert_array_equal(normal.side, tiny.side)
    np.testing.assert_allclose(normal.confidence, tiny.confidence, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_one_candle_is_not_enough(kind):
    assert not decided(kind, walk_matrix(3, 1)).side.any()


def test_ma_cross_is_the_cross_of_two_averages():
    matrix = walk_matrix(1, 400, seed=5)
    decisions = decided("ma_cross", matrix, fast=5, slow=20)
    close = matrix.close[0]
    fast = np.array([close[max(0, t - 4) : t + 1].mean() if t >= 4 else np.nan for t in range(400)])
    slow = np.array([close[max(0, t - 19) : t + 1].mean() if t >= 19 else np.nan for t in range(400)])
    for t in range(1, 400):
        up = fast[t] > slow[t] and fast[t - 1] <= slow[t - 1]
        down = fast[t] < slow[t] and fast[t - 1] >= slow[t - 1]
        assert decisions.side[0, t] == int(up) - int(down), t


def test_rsi_divergence_sees_a_low_that_rsi_does_not_confirm():
    fall, bounce = np.linspace(100, 90, 25), np.linspace(90.3, 95, 12)
    slide = np.array([94.6, 94.9, 93.9, 94.1, 93, 93.2, 92, 92.3, 91, 91.3, 90.4, 90.6, 89.8, 90.5])
    close = np.concatenate((np.full(20, 100.0) + np.sin(np.arange(20)), fall, bounce, slide))[None, :]
    matrix = CandleMatrix(("X",), np.arange(close.size), close, close + 0.1, close - 0.1, close, close)
    decisions = decided("rsi_divergence", matrix)
    assert decisions.side[0, -1] == 1
    assert decisions.details["rsi"][0, -1] > decisions.details["rsi_earlier"][0, -1] + 3


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("ma_cross", {"fast": 50, "slow": 20}, "fast must be smaller than slow, not 50 and 20"),
        ("ma_cross", {"fast": 0}, "fast must be a whole number from 2 to 400, not 0"),
        ("ma_cross", {"fast": 5.5}, "whole number"),
        ("ma_cross", {"fast": "ten"}, "not 'ten'"),
        ("ma_cross", {"fast": True}, "not True"),
        ("ma_cross", {"fast": float("nan")}, "not nan"),
        ("ma_cross", {"speed": 3}, "It has: fast, slow, atr"),
        ("bollinger_breakout", {"width": -1}, "width must be a number from 0.5 to 5"),
        ("macd_trend", {"fast": 26, "slow": 26}, "smaller than slow"),
        ("rsi_divergence", {"lookback": 10, "apart": 12}, "smaller than lookback"),
    ],
)
def test_wrong_parameters_are_refused_in_words(kind, given, message):
    with pytest.raises(ParameterError, match=message):
        REGISTRY[kind].validate(given)


def test_defaults_are_filled_in_and_unknown_kinds_named():
    assert REGISTRY["ma_cross"].validate({"fast": 7.0}) == {"fast": 7, "slow": 30, "atr": 14}
    with pytest.raises(ParameterError, match="Allowed: ma_cross"):
        strategy_of("magic")
