import numpy as np
import pytest

from mlmodels.domain.labels import HORIZON, barrier_width, labels_compute, net_return
from signals.candles.matrix import CandleMatrix
from tests.mlmodels.markets import costs, random_walk


def one_trade(path, *, horizon=4, cost=0.001):
    """Forty quiet candles at 100, then the given (open, high, low, close) rows; the label of the last quiet one."""
    quiet = [(100.0, 100.1, 99.9, 100.0)] * 40
    rows = np.array(quiet + list(path)).T[:, None, :]
    times = np.arange(rows.shape[2]) * 60_000
    matrix = CandleMatrix(("A/B",), times, *rows, np.ones_like(rows[0]))
    labels = labels_compute(matrix, np.array([cost]), horizon=horizon)
    return labels.net[0, 39], labels


WIDTH = 0.002
"""Twice the cost: the market before was flat, so volatility gives none."""


def test_target_first_is_a_win_after_costs():
    net, _ = one_trade([(100, 100.1, 99.9, 100), (100, 100.3, 100, 100.25), (90, 90, 90, 90), (90, 90, 90, 90)])
    assert net == pytest.approx((1 + WIDTH) * (1 - 0.0005) / (1 + 0.0005) - 1)


def test_stop_first_is_a_loss():
    net, _ = one_trade([(100, 100.1, 99.7, 100), (100, 101, 100, 101), (101, 101, 101, 101), (101, 101, 101, 101)])
    assert net == pytest.approx(net_return(np.array(-WIDTH), np.array(0.001)))


def test_both_in_one_candle_counts_as_the_stop():
    net, _ = one_trade([(100, 101, 99, 100)] + [(100, 100, 100, 100)] * 3)
    assert net < -WIDTH


def test_a_gap_below_the_stop_leaves_at_the_open():
    net, _ = one_trade([(100, 100.1, 99.9, 100), (95, 96, 94, 96), (96, 96, 96, 96), (96, 96, 96, 96)])
    assert net == pytest.approx(net_return(np.array(-0.05), np.array(0.001)))


def test_neither_barrier_leaves_at_the_last_close_and_costs_decide():
    net, labels = one_trade([(100, 100.1, 99.9, 100.05)] * 4)
    assert net == pytest.approx(net_return(np.array(0.0005), np.array(0.001)))
    assert not labels.wins[0, 39]


def test_entry_is_the_next_open_not_this_close():
    net, _ = one_trade([(102, 102.1, 101.9, 102)] * 4)
    assert net == pytest.approx(net_return(np.array(0.0), np.array(0.001)))


def test_rows_without_a_full_horizon_have_no_label():
    matrix = random_walk(1, symbols=3, steps=120)
    known = labels_compute(matrix, costs(matrix)).known
    assert known[:, 30:-HORIZON].all()
    assert not known[:, -HORIZON:].any()


def test_a_missing_candle_ahead_means_no_label():
    matrix = random_walk(1, symbols=1, steps=120)
    matrix.low[0, 80] = np.nan
    known = labels_compute(matrix, costs(matrix)).known[0]
    assert not known[80 - HORIZON : 80].any()
    assert known[40 : 80 - HORIZON].all()


def test_the_label_looks_exactly_one_horizon_ahead():
    matrix = random_walk(9, symbols=2, steps=200)
    before = labels_compute(matrix, costs(matrix)).net
    for side in (matrix.open, matrix.high, matrix.low, matrix.close):
        side[:, 150:] *= 1.5
    after = labels_compute(matrix, costs(matrix)).net
    assert np.array_equal(before[:, : 150 - HORIZON], after[:, : 150 - HORIZON], equal_nan=True)


def test_width_is_known_at_the_candle():
    matrix = random_walk(9, symbols=2, steps=200)
    width = barrier_width(matrix.close, costs(matrix), HORIZON)
    matrix.close[:, 100:] *= 2
    assert np.array_equal(width[:, :100], barrier_width(matrix.close, costs(matrix), HORIZON)[:, :100], equal_nan=True)


def test_a_horizon_of_nothing_is_refused():
    matrix = random_walk(1, symbols=1, steps=50)
    with pytest.raises(ValueError, match="at least 1"):
        labels_compute(matrix, costs(matrix), horizon=0)


def test_higher_costs_never_make_a_win_of_a_loss_at_the_same_exit():
    gross = np.linspace(-0.1, 0.1, 41)
    assert (net_return(gross, np.array(0.004)) < net_return(gross, np.array(0.001))).all()
