"""What every kind keeps: plain meaning, prefixes, restarts, going on from its state, forgetting where it began."""

import numpy as np
import pytest

from signals.candles.matrix import FIELDS, CandleMatrix
from signals.domain.indicators import KINDS, Indicator
from signals.scan.drive import blocks_run
from signals.scan.panel import WIDTH, aligned
from signals.scan.pass_cpu import frame_of, lanes_compute
from signals.scan.plan import Plan
from tests.signals.domain.indicators.test_talib import traded
from tests.signals.support import MINUTE, walk_matrix

ALL = [Indicator(name, kind.default) for name, kind in KINDS.items()]
BY_LOGARITHM = {"realised", "garman_klass"}  # the last bit of a logarithm may differ between machines


def small(one: Indicator) -> Indicator:
    """The same kind with short windows, for short series."""
    known = KINDS[one.kind]
    quick = {"divergence": (3, 12, 4), "levels": (12, 2), "ichimoku": (3, 5, 9)}.get(one.kind)
    halved = (max(2, int(arg) // 3) if whole else arg for arg, whole in zip(one.args, known.whole, strict=True))
    return Indicator(one.kind, quick or tuple(halved))


def part(matrix: CandleMatrix, begin: int, end: int) -> CandleMatrix:
    fields = (getattr(matrix, name)[:, begin:end] for name in FIELDS)
    return CandleMatrix(matrix.symbols, matrix.open_time_ms[begin:end], *fields)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.kind)
def test_the_text_means_what_is_compiled(one):
    """The function itself, run by Python on NumPy arrays, gives the bits of the compiled one."""
    one, matrix = small(one), traded(walk_matrix(3, 130))
    known, length = KINDS[one.kind], 130
    rows = [np.ascontiguousarray(getattr(matrix, name).T) for name in known.inputs]
    state, columns = np.zeros((max(one.state, 1), 3)), [np.empty((length, 3)) for _ in one.columns]
    tick = int(matrix.open_time_ms[0]) // MINUTE
    for begin, end in ((0, 50), (50, length)):
        clock = (begin, end, begin, tick + begin) if known.has_tick else (begin, end, begin)
        with np.errstate(all="ignore"):
            known.function(*rows, state, *columns, *clock, *known.typed(one.args))
    lanes = lanes_compute(matrix, [one])
    for name, column in zip(one.columns, columns, strict=True):
        if one.kind in BY_LOGARITHM:
            np.testing.assert_allclose(lanes[name], column.T, rtol=1e-14, err_msg=name)
        else:
            np.testing.assert_array_equal(lanes[name], column.T, err_msg=name)


def test_no_look_ahead():
    """Every prefix has the values of the whole series."""
    matrix = traded(walk_matrix(3, 500))
    whole = lanes_compute(matrix, ALL)
    for length in (1, 2, 30, 119, 120, 257, 499):
        for name, values in lanes_compute(part(matrix, 0, length), ALL).columns.items():
            np.testing.assert_array_equal(values, whole[name][:, :length], err_msg=name)


@pytest.mark.parametrize("length", [1, 2, 3, 14, 27, 60, 300])
def test_the_first_values_are_missing_and_no_more(length):
    lanes = lanes_compute(traded(walk_matrix(2, length)), ALL)
    for one in ALL:
        for name, warm_up in zip(one.columns, one.warm_ups, strict=True):
            missing = np.isnan(lanes[name][0])
            assert missing[:warm_up].all(), name
            if one.kind not in ("divergence", "levels"):  # these also have nothing to say now and then
                assert not missing[warm_up:].any(), name


BAD = [(field, bad) for field in FIELDS for bad in (np.nan, np.inf, -np.inf, -1.0, 0.0)]
BAD.remove(("volume", 0.0))  # nothing traded is no mistake


@pytest.mark.parametrize(("field", "bad"), BAD)
def test_an_unusable_candle_restarts_its_own_lane_only(field, bad):
    clean, dirty = traded(walk_matrix(3, 400)), traded(walk_matrix(3, 400))
    getattr(dirty, field)[1, 180] = bad
    whole, broken = lanes_compute(clean, ALL), lanes_compute(dirty, ALL)
    later = lanes_compute(part(clean, 181, 400), ALL)
    for name in whole.columns:
        np.testing.assert_array_equal(broken[name][::2], whole[name][::2], err_msg=name)
        np.testing.assert_array_equal(broken[name][1, :180], whole[name][1, :180], err_msg=name)
        assert np.isnan(broken[name][1, 180])
        np.testing.assert_array_equal(broken[name][1, 181:], later[name][1], err_msg=name)


class Lane:
    """One block of lanes, computed piece by piece with the state carried on."""

    def __init__(self, values: np.ndarray, plan: Plan, anchor: int = 0, tick: int = 0) -> None:
        self.values, self.plan, self.at, self.anchor, self.tick = values, plan, anchor, anchor, tick
        self.state = aligned((1, max(plan.states, 1), WIDTH), fill=0.0)

    def go(self, end: int) -> np.ndarray:
        """Columns (columns, time, WIDTH) of the candles from here to `end`."""
        begin, columns = self.at, aligned((1, len(self.plan.columns), end - self.at, WIDTH))
        frame = frame_of(self.values, self.state, columns, bias=begin)
        age = begin - self.anchor
        blocks_run(frame, self.plan.table, self.plan.numbers, 0, 1, begin, end, age, self.tick + begin, 64)
        self.at = end
        return columns[0]


def block_of(length: int, seed: int = 1) -> np.ndarray:
    """float64 (1, 5, time, WIDTH): a market that wanders, but not away."""
    rng = np.random.default_rng(seed)
    level = np.zeros(WIDTH)
    log = np.empty((length, WIDTH))
    for t, step in enumerate(rng.normal(0.0, 0.003, (length, WIDTH))):
        level = 0.9995 * level + step
        log[t] = level
    values = aligned((1, len(FIELDS), length, WIDTH))
    close = 250.0 * np.exp(log)
    opens = np.concatenate((close[:1], close[:-1]))
    values[0, 0], values[0, 3] = opens, close
    values[0, 1] = np.maximum(opens, close) * (1 + np.abs(rng.normal(0, 0.001, close.shape)))
    values[0, 2] = np.minimum(opens, close) * (1 - np.abs(rng.normal(0, 0.001, close.shape)))
    values[0, 4] = rng.lognormal(3.0, 1.0, close.shape)
    return values


def test_piece_by_piece_is_the_whole():
    plan, values = Plan.of(ALL), block_of(1500)
    whole = Lane(values, plan, tick=77).go(1500)
    lane, rng, at = Lane(values, plan, tick=77), np.random.default_rng(4), 0
    while at < 1500:
        end = min(at + int(rng.choice([1, 2, 17, 64, 65, 200])), 1500)
        np.testing.assert_array_equal(lane.go(end), whole[:, at:end])
        at = end


def test_the_count_of_candles_on_the_grid_changes_nothing():
    """Where a ring happens to begin leaves no trace, so a lane is the same in every block and at every time; only the
    last digits of what is summed from cuts on the grid may differ.
    """
    plan, values = Plan.of(ALL), block_of(600)
    first, other = (Lane(values, plan, tick=tick).go(600) for tick in (0, 5_676_543_211))
    for name, a, b in zip(plan.columns, first, other, strict=True):
        if name.startswith("bb_"):
            np.testing.assert_allclose(a, b, rtol=1e-13, err_msg=name)
        else:
            np.testing.assert_array_equal(a, b, err_msg=name)


def test_nothing_drifts_over_200_000_candles():
    """A lane that has run for 200,000 candles is, to 1e-9, one that began 20,000 candles ago."""
    kept = [one for one in ALL if not KINDS[one.kind].anchored]
    plan, length, tail = Plan.of(kept), 200_000, 2_000
    values = block_of(length)
    old, new = Lane(values, plan), Lane(values, plan, anchor=length - 20_000)
    for lane in (old, new):
        for end in range(lane.at + 4_000, length - tail + 1, 4_000):
            lane.go(end)
        lane.go(length - tail)
    for name, a, b in zip(plan.columns, old.go(length), new.go(length), strict=True):
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b), err_msg=name)
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * np.nanmax(np.abs(b)) * 1e-2, err_msg=name)


def test_an_indicator_is_computed_once_and_named_by_its_arguments():
    lanes = lanes_compute(walk_matrix(1, 60), [Indicator("bb", (20, 2.5)), Indicator("bb", (20, 2.5))])
    assert list(lanes.columns) == ["bb_upper_20_2.5", "bb_middle_20_2.5", "bb_lower_20_2.5"]
    assert Indicator("sar", (0.02, 0.2)).columns == ("sar_0.02_0.2",)
    assert Indicator("obv", ()).columns == ("obv",)


@pytest.mark.parametrize(
    ("kind", "args", "words"),
    [
        ("smma", (1,), "Known: sma"),
        ("macd", (12, 26), "fast, slow, signal"),
        ("macd", (26, 12, 9), "fast must be smaller than slow, not 26, 12, 9"),
        ("obv", (3,), "needs no arguments"),
        ("rsi", (1,), "whole number from 2 to 800"),
        ("sma", (801,), "whole number from 1 to 800"),
        ("sma", (2.5,), "whole number"),
        ("sma", (float("nan"),), "whole number"),
        ("sma", (float("inf"),), "whole number"),
        ("bb", (20, float("nan")), "number from 0 on"),
        ("sar", (0.3, 0.2), "must not be above the maximum"),
        ("ultosc", (7, 28, 14), "windows must grow"),
        ("divergence", (14, 5, 5), "apart must be smaller"),
        ("levels", (5, 5), "wing must be smaller"),
    ],
)
def test_wrong_indicators_are_refused_in_words(kind, args, words):
    with pytest.raises(ValueError, match=words):
        Indicator(kind, args)
