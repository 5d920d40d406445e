import numpy as np
import pytest
import talib

from signals.candles.matrix import CandleMatrix
from signals.domain.indicators.catalog import Indicator
from signals.scan.pass_cpu import lanes_compute
from tests.signals.support import real_matrix, walk_matrix

PLAN = [
    Indicator("sma", (20,)),
    Indicator("ema", (12,)),
    Indicator("ema", (26,)),
    Indicator("rsi", (14,)),
    Indicator("macd", (12, 26, 9)),
    Indicator("bb", (20, 2)),
    Indicator("atr", (14,)),
]
NAMES = [
    "sma_20", "ema_12", "ema_26", "rsi_14", "macd_12_26_9", "macd_signal_12_26_9", "macd_hist_12_26_9",
    "bb_upper_20_2", "bb_middle_20_2", "bb_lower_20_2", "atr_14",
]  # fmt: skip


def reference(high, low, close):
    rows = (talib.SMA(close, 20), talib.EMA(close, 12), talib.EMA(close, 26), talib.RSI(close, 14))
    rows += (*talib.MACD(close, 12, 26, 9), *talib.BBANDS(close, 20, 2, 2), talib.ATR(high, low, close, 14))
    return dict(zip(NAMES, rows, strict=True))


def assert_equal_to_talib(matrix: CandleMatrix) -> None:
    lanes = lanes_compute(matrix, PLAN)
    assert list(lanes.columns) == NAMES
    for row, symbol in enumerate(matrix.symbols):
        for name, theirs in reference(matrix.high[row], matrix.low[row], matrix.close[row]).items():
            np.testing.assert_array_equal(np.isnan(lanes[name][row]), np.isnan(theirs), err_msg=f"{symbol} {name}")
            # A difference of averages is compared on the scale of what was subtracted.
            floor = 1e-9 * np.nanmax(np.abs(matrix.close[row])) * 1e-6 if "macd" in name else 0.0
            np.testing.assert_allclose(lanes[name][row], theirs, rtol=1e-9, atol=floor, err_msg=f"{symbol} {name}")


def test_equal_to_talib_on_real_candles(market_data):
    assert_equal_to_talib(real_matrix(market_data, 100, 3000))


@pytest.mark.parametrize("scale", [1.0, 1e5, 1e-6, 1e-9, 1e-12])
def test_equal_to_talib_at_any_price(scale):
    assert_equal_to_talib(walk_matrix(4, 600, scale=scale))


@pytest.mark.parametrize("price", [1.0, 0.1, 1e-9])
def test_equal_to_talib_on_a_constant_series(price):
    flat = np.full((1, 200), price)
    assert_equal_to_talib(CandleMatrix(("X",), np.arange(200), flat, flat, flat, flat, flat))


def test_equal_to_talib_on_spikes():
    matrix = walk_matrix(3, 800)
    matrix.close[:, ::97] *= 1e3
    matrix.high[:] = np.maximum(matrix.high, matrix.close)
    assert_equal_to_talib(matrix)


@pytest.mark.parametrize("length", [1, 2, 14, 15, 19, 20, 33, 34, 35])
def test_short_lanes_are_nan_until_warm(length):
    lanes = lanes_compute(walk_matrix(2, length), PLAN)
    for indicator in PLAN:
        for name in indicator.columns:
            expected = np.arange(length) < indicator.warm_up
            np.testing.assert_array_equal(np.isnan(lanes[name][0]), expected, err_msg=name)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 0.0, -1.0])
def test_an_unusable_candle_restarts_its_own_lane_only(bad):
    clean, dirty = walk_matrix(3, 300), walk_matrix(3, 300)
    dirty.close[1, 120] = bad
    whole, broken = lanes_compute(clean, PLAN), lanes_compute(dirty, PLAN)
    later = lanes_compute(
        CandleMatrix(("x",), clean.open_time_ms[121:], *(_row(clean, n, 1, 121) for n in _FIELDS)), PLAN
    )
    for name in NAMES:
        for lane in (0, 2):
            np.testing.assert_array_equal(broken[name][lane], whole[name][lane])
        np.testing.assert_array_equal(broken[name][1, :120], whole[name][1, :120])
        assert np.isnan(broken[name][1, 120])
        np.testing.assert_array_equal(broken[name][1, 121:], later[name][0])


_FIELDS = ("open", "high", "low", "close", "volume")


def _row(matrix: CandleMatrix, name: str, row: int, start: int) -> np.ndarray:
    return getattr(matrix, name)[row : row + 1, start:]


def test_an_indicator_is_computed_once_and_named_by_its_arguments():
    lanes = lanes_compute(walk_matrix(1, 60), [Indicator("bb", (20, 2.5)), Indicator("bb", (20, 2.5))])
    assert list(lanes.columns) == ["bb_upper_20_2.5", "bb_middle_20_2.5", "bb_lower_20_2.5"]


def test_wrong_indicators_are_refused_in_words():
    with pytest.raises(ValueError, match="Known: sma"):
        Indicator("smma", (1,))
    with pytest.raises(ValueError, match="fast, slow, signal"):
        Indicator("macd", (12, 26))
