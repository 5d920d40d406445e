"""The model of regimes: what each reads like, and that it takes candles that agree to change one."""

import numpy as np

from signals.candles.matrix import CandleMatrix
from signals.domain.xray import INDICATORS, REGIMES, RegimeRules, regimes_of, scores_of
from signals.scan.pass_cpu import lanes_compute
from tests.signals.support import START


def path(*steps: float) -> CandleMatrix:
    """A market whose close moves by these steps; ranges of 0.4, volume 10, three times that on steps above 1."""
    close = (100.0 + np.cumsum(steps))[None, :]
    opens = np.concatenate((close[:, :1], close[:, :-1]), axis=1)
    volume = np.where(np.abs(np.asarray(steps)) > 1.0, 30.0, 10.0)[None, :]
    times = START + 60_000 * np.arange(close.size, dtype=np.int64)
    high, low = np.maximum(opens, close) + 0.2, np.minimum(opens, close) - 0.2
    return CandleMatrix(("P/USDT",), times, opens, high, low, close, volume)


def read(*steps: float, **rules) -> tuple[list[str], np.ndarray, np.ndarray]:
    lanes = lanes_compute(path(*steps), INDICATORS)
    found = regimes_of(lanes, scores_of(lanes), RegimeRules(**rules))
    return [REGIMES[code] for code in found.regime[0]], found.strength[0], found.since[0]


CALM = tuple(0.3 * (-1) ** number for number in range(200))


def test_a_calm_market_is_a_range():
    names, strength, since = read(*CALM)
    assert names[0] == "unknown" and names[-1] == "range" and strength[-1] > 0.6
    assert since[-1] == names.index("range")


def test_a_long_rise_is_a_trend_and_a_long_fall_the_other():
    assert read(*CALM, *(0.2,) * 60)[0][-1] == "trend_up"
    assert read(*CALM, *(-0.2,) * 60)[0][-1] == "trend_down"


def test_a_jump_out_of_a_calm_channel_is_a_breakout_at_once():
    names, strength, since = read(*CALM, 1.5)
    assert names[-2:] == ["range", "breakout"] and strength[-1] > 0.5 and since[-1] == len(CALM)


def test_a_fast_fall_is_a_panic_at_once():
    names, strength, _ = read(*CALM, -1.5, -1.6, -1.7)
    assert names[-1] == "panic" and strength[-1] >= 0.5


def test_a_fast_rise_is_none():
    assert "panic" not in read(*CALM, 1.5, 1.6, 1.7)[0]


def test_it_takes_candles_that_agree_to_leave_a_regime():
    def first(confirm: int) -> int:
        return read(*CALM, *(0.2,) * 60, confirm=confirm)[0].index("trend_up")

    assert first(3) - first(1) == 2 and first(10) - first(1) == 9


def test_one_candle_that_reads_otherwise_changes_nothing():
    lanes = lanes_compute(path(*CALM, *(0.2,) * 60), INDICATORS)
    lanes["adx_14"][0, 240] = 10.0
    found = regimes_of(lanes, scores_of(lanes)).regime[0]
    assert (found[235:] == REGIMES.index("trend_up")).all()


def test_the_regime_does_not_depend_on_where_the_window_begins():
    rng = np.random.default_rng(3)
    steps = rng.normal(0.0, 0.4, 1500)
    whole = path(*steps)
    lanes = lanes_compute(whole, INDICATORS)
    one = regimes_of(lanes, scores_of(lanes)).regime[0]
    for begin in (100, 333, 700):
        cut = CandleMatrix(whole.symbols, *(values[..., begin:] for values in (
            whole.open_time_ms, whole.open, whole.high, whole.low, whole.close, whole.volume)))  # fmt: skip
        part = lanes_compute(cut, INDICATORS)
        np.testing.assert_array_equal(regimes_of(part, scores_of(part)).regime[0, 600:], one[begin + 600 :])
