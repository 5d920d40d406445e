import numpy as np
import pytest

from mlmodels.domain.evaluation import auc, evaluate, log_loss, mean_lower_bound, student_t, threshold_choose, wilson


def test_auc_and_log_loss_equal_sklearns():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    wins = rng.random(500) < 0.4
    probability = np.round(np.clip(0.4 + 0.1 * wins + rng.normal(0, 0.15, 500), 0.01, 0.99), 2)
    assert auc(wins, probability) == pytest.approx(metrics.roc_auc_score(wins, probability), abs=1e-12)
    assert log_loss(wins, probability) == pytest.approx(metrics.log_loss(wins, probability), abs=1e-12)


def test_wilson_by_the_book():
    assert wilson(10, 20) == pytest.approx((0.2993, 0.7007), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 30)[0] == 0.0


def test_signals_of_one_moment_are_not_many_proofs():
    together = np.repeat([0.05, -0.01, 0.02, 0.0], 100)
    apart = np.arange(400)
    in_blocks = np.repeat(np.arange(4), 100)
    assert mean_lower_bound(together, apart)[0] > 0.0
    assert mean_lower_bound(together, in_blocks)[0] < 0.0
    assert mean_lower_bound(together[:100], in_blocks[:100]) == (float("-inf"), 1)


def test_lower_bound_holds_in_nineteen_of_twenty_noise_draws():
    rng = np.random.default_rng(4)
    above = 0
    for count in (5, 25):
        for _ in range(300):
            blocks = np.repeat(np.arange(count), 8)
            values = rng.normal(0, 1, count)[blocks] + rng.normal(0, 1, len(blocks))
            above += mean_lower_bound(values, blocks)[0] > 0
    assert above <= 45


def test_student_t_by_the_table():
    assert [round(student_t(1.644854, freedom), 2) for freedom in (5, 10, 30)] == [2.01, 1.81, 1.7]


def test_report_counts_only_signals():
    wins = np.array([True, False, True, False])
    net = np.array([0.02, -0.01, 0.01, -0.02])
    report = evaluate(
        wins=wins,
        net=net,
        step=np.array([0, 40, 80, 120]),
        times_ms=np.array([0, 1, 2, 3]),
        probability=np.array([0.7, 0.6, 0.4, 0.3]),
        threshold=0.6,
        train_base_rate=0.5,
        horizon=10,
    )
    assert (report.signals, report.precision, report.blocks) == (2, 0.5, 2)
    assert report.net_mean == pytest.approx(0.005)
    assert report.net_all == pytest.approx(0.0)
    assert report.profit_curve == [[0.0, 0.02], [1.0, 0.01]]
    assert report.auc == 0.75


def test_report_without_a_signal_is_still_plain_json():
    import json

    empty = np.zeros(3, dtype=bool)
    report = evaluate(
        wins=empty,
        net=np.full(3, -0.01),
        step=np.arange(3),
        times_ms=np.arange(3),
        probability=np.full(3, 0.2),
        threshold=0.9,
        train_base_rate=0.3,
        horizon=5,
    )
    assert json.loads(json.dumps(report.as_dict(), allow_nan=False))["signals"] == 0


def test_threshold_is_where_the_money_is():
    rng = np.random.default_rng(2)
    probability = rng.random(20_000)
    net = np.where(probability > 0.95, 0.01, -0.01) + rng.normal(0, 0.01, 20_000)
    chosen = threshold_choose(probability, net, np.arange(20_000) // 10, horizon=10, min_signals=50)
    assert 0.94 < chosen < 0.98
