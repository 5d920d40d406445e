"""Lanes moved on candle by candle are the lanes computed whole, to the last bit."""

import numpy as np
import pytest

from signals.candles.matrix import FIELDS, CandleMatrix
from signals.domain.indicators import KINDS, Indicator
from signals.scan.decisions import DecisionPlan
from signals.scan.drive import SETTLED_AGE, blocks_run
from signals.scan.live import LiveLanes
from signals.scan.panel import Panel, aligned
from signals.scan.pass_cpu import frame_of, lanes_compute, panel_run
from signals.scan.plan import Plan
from tests.signals.scan.markets import alone
from tests.signals.scan.test_decisions import rules_of
from tests.signals.support import MINUTE, walk_matrix

BEGIN = 400
OTHER_ARGUMENTS = {
    "sma": ((200,),),
    "hma": ((9,), (50,)),
    "macd": ((5, 35, 5),),
    "stochrsi": ((5, 20, 9),),
    "bb": ((5, 1),),
}


def cut(matrix: CandleMatrix, stop: int) -> CandleMatrix:
    fields = (getattr(matrix, name)[:, :stop] for name in FIELDS)
    return CandleMatrix(matrix.symbols, matrix.open_time_ms[:stop], *fields)


def candle(matrix: CandleMatrix, at: int) -> np.ndarray:
    return np.stack([getattr(matrix, name)[:, at] for name in FIELDS])


def begun(matrix: CandleMatrix, stop: int = BEGIN) -> tuple[LiveLanes, list]:
    rules = alone(rules_of())
    lanes = LiveLanes(matrix.symbols, DecisionPlan.of(rules), MINUTE)
    lanes.rebuild(cut(matrix, stop))
    return lanes, rules


def step(lanes: LiveLanes, matrix: CandleMatrix, at: int) -> None:
    lanes.put(candle(matrix, at))
    lanes.push(int(matrix.open_time_ms[at]))


def said_at(decisions: list, at: int) -> set:
    return {
        (symbol, number, int(said.side[symbol, at]))
        for number, said in enumerate(decisions)
        for symbol in np.flatnonzero(said.side[:, at]).tolist()
    }


def whole(matrix: CandleMatrix, rules: list) -> list:
    wanted = [one for rule in rules for one in rule.rules.indicators(rule.values)]
    lanes = lanes_compute(matrix, wanted)
    return [rule.rules.decide(lanes, rule.values) for rule in rules], lanes


@pytest.mark.parametrize("symbols", [1, 37])
def test_decisions_and_columns_are_those_of_the_whole_series(symbols):
    matrix = walk_matrix(symbols, 1000)
    lanes, rules = begun(matrix)
    decisions, columns = whole(matrix, rules)
    seen = 0
    for at in range(BEGIN, 1000):
        step(lanes, matrix, at)
        expected = said_at(decisions, at)
        assert set(lanes.hits()) == expected
        for symbol, number, _ in expected:
            (said,) = lanes.details([(symbol, number)])
            assert said.pop("confidence") == decisions[number].confidence[symbol, at]
            for name, value in said.items():
                np.testing.assert_equal(value, decisions[number].details[name][symbol, at])
        seen += len(expected)
        for name in lanes.decisions.plan.columns if at % 50 == 0 else ():
            np.testing.assert_array_equal(lanes.column(name)[:, 0], columns[name][:, at])
    assert seen > symbols * 20


def test_a_missing_candle_stops_its_own_lane_only_and_the_late_one_brings_it_back():
    matrix = walk_matrix(20, 700)
    lanes, rules = begun(matrix)
    decisions, columns = whole(matrix, rules)
    lanes.put(np.where(np.arange(20) == 7, np.nan, candle(matrix, BEGIN)))
    lanes.push(int(matrix.open_time_ms[BEGIN]))
    assert lanes.young() == ["C7/USDT"]
    assert np.isnan(lanes.column("atr_14")[7, 0])
    np.testing.assert_array_equal(np.delete(lanes.column("atr_14")[:, 0], 7), np.delete(columns["atr_14"][:, BEGIN], 7))
    lanes.rebuild(cut(matrix, BEGIN + 1), ["C7/USDT"])
    assert lanes.young() == []
    assert set(lanes.hits()) == said_at(decisions, BEGIN)
    for at in range(BEGIN + 1, 700):
        step(lanes, matrix, at)
        assert set(lanes.hits()) == said_at(decisions, at)


def test_a_corrected_candle_is_as_if_it_had_always_been_so():
    wrong, right = walk_matrix(20, 600), walk_matrix(20, 600)
    wrong.close[3, BEGIN - 5] *= 1.01
    wrong.high[3, BEGIN - 5] *= 1.02
    lanes, rules = begun(wrong)
    lanes.rebuild(cut(right, BEGIN), ["C3/USDT"])
    columns = whole(right, rules)[1]
    for at in range(BEGIN, 600):
        step(lanes, right, at)
        np.testing.assert_array_equal(lanes.column("ema_100")[:, 0], columns["ema_100"][:, at])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, 0.0])
def test_an_unusable_candle_makes_a_lane_young_until_it_has_history_again(bad):
    matrix = walk_matrix(18, 900)
    matrix.close[4, BEGIN] = bad
    lanes, _ = begun(matrix)
    step(lanes, matrix, BEGIN)
    assert lanes.young() == ["C4/USDT"]
    for at in range(BEGIN + 1, 900):
        step(lanes, matrix, at)
        lanes.rebuild(cut(matrix, at + 1), lanes.young())
    assert lanes.young() == []
    assert lanes.anchor_ms[4] == matrix.open_time_ms[BEGIN + 1]
    assert lanes.anchor_ms[5] == matrix.open_time_ms[0]


def test_few_candles_are_all_young():
    lanes, _ = begun(walk_matrix(5, 60), 50)
    assert len(lanes.young()) == 5 and lanes.hits() == []


def test_a_candle_out_of_turn_is_refused():
    matrix = walk_matrix(5, 500)
    lanes, _ = begun(matrix)
    lanes.put(candle(matrix, BEGIN + 1))
    with pytest.raises(ValueError, match="does not follow"):
        lanes.push(int(matrix.open_time_ms[BEGIN + 1]))


def test_no_drift_after_two_hundred_thousand_candles():
    """Against a whole pass that begins much later, as a restart would."""
    matrix = walk_matrix(3, 1000)
    rng = np.random.default_rng(3)
    lanes, rules = begun(matrix, 1000)
    close, kept = matrix.close[:, -1].copy(), []
    for number in range(200_000):
        opens = close
        close = close * np.exp(rng.normal(0, 0.002, 3))
        row = np.stack([opens, np.maximum(opens, close) * 1.001, np.minimum(opens, close) * 0.999, close, close])
        lanes.put(row)
        lanes.push(int(matrix.open_time_ms[-1]) + (number + 1) * MINUTE)
        if number >= 198_000:
            kept.append(row)
    fields = np.stack(kept, axis=2)
    times = np.arange(fields.shape[2], dtype=np.int64) * MINUTE
    columns = whole(CandleMatrix(matrix.symbols, times, *fields), rules)[1]
    for name in lanes.decisions.plan.columns:
        floor = 1e-9 * close.max() if "macd" in name else 0.0  # a difference is as exact as what was subtracted
        np.testing.assert_allclose(lanes.column(name)[:, 0], columns[name][:, -1], rtol=1e-9, atol=floor, err_msg=name)


@pytest.mark.parametrize("at", range(BEGIN, BEGIN + 40, 7))
def test_lanes_built_at_a_candle_decide_it(at):
    matrix = walk_matrix(40, 500)
    lanes, rules = begun(matrix, at + 1)
    assert set(lanes.hits()) == said_at(whole(matrix, rules)[0], at)


def test_larger_candles_move_on_beside_the_own_ones():
    """5m candles with an average of 15m ones: from the window's candles, and from every push after it."""
    matrix = walk_matrix(20, 900)
    matrix = CandleMatrix(
        matrix.symbols, matrix.open_time_ms // MINUTE * 5 * MINUTE, *(getattr(matrix, n) for n in FIELDS)
    )
    rules = [one for one in rules_of() if one.rules.kind in ("trend", "ma_cross")]
    lanes = LiveLanes(matrix.symbols, DecisionPlan.of(rules, 5 * MINUTE), 5 * MINUTE)
    lanes.rebuild(cut(matrix, BEGIN))
    decisions, columns = whole(matrix, rules)
    assert set(lanes.hits()) == said_at(decisions, BEGIN - 1)
    seen = 0
    for at in range(BEGIN, 900):
        if at == 600:  # one lane late, and back
            lanes.put(np.where(np.arange(20) == 3, np.nan, candle(matrix, at)))
            lanes.push(int(matrix.open_time_ms[at]))
            assert lanes.pending()[1] == ["C3/USDT"]
            lanes.rebuild(cut(matrix, at + 1), ["C3/USDT"])
        else:
            step(lanes, matrix, at)
        assert set(lanes.hits()) == said_at(decisions, at)
        np.testing.assert_array_equal(lanes.column("ema_20@15m")[:, 0], columns["ema_20@15m"][:, at])
        seen += len(lanes.hits())
    assert seen > 200


def test_larger_candles_without_history_leave_the_others_alone():
    matrix = walk_matrix(4, 300)
    rules = [one for one in rules_of() if one.rules.kind in ("trend", "ma_cross")]
    lanes = LiveLanes(matrix.symbols, DecisionPlan.of(rules, MINUTE), MINUTE)
    lanes.rebuild(cut(matrix, 250))
    assert lanes.young() == []
    assert [len(symbols) for symbols in lanes.pending()] == [0, 4]


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_settled_kind_looks_at_no_age(kind):
    """What `Plan.settled` promises: from there on a kind told of a great age gives the same bits."""
    matrix = walk_matrix(16, 900)
    for args in (KINDS[kind].default, *OTHER_ARGUMENTS.get(kind, ())):
        plan, panel = Plan.of([Indicator(kind, args)]), Panel.of(matrix)
        expected = panel_run(panel, plan)[0]
        state = panel_run(Panel.of(cut(matrix, plan.settled)), plan)[1]
        columns = aligned(expected.shape, fill=np.nan)
        frame = frame_of(panel.values, state, columns)
        tick = panel.first_tick + plan.settled
        blocks_run(frame, plan.table, plan.numbers, 0, 1, plan.settled, 900, SETTLED_AGE, tick, 64)
        np.testing.assert_array_equal(columns[:, :, plan.settled :], expected[:, :, plan.settled :])
