from dataclasses import replace

import pytest

from mlmodels.domain.evaluation import Evaluation
from mlmodels.domain.gate import MIN_BLOCKS, MIN_SIGNALS, verdict

GOOD = Evaluation(
    rows=5000,
    base_rate=0.4,
    auc=0.6,
    log_loss=0.65,
    log_loss_baseline=0.67,
    skill_low=0.01,
    threshold=0.6,
    signals=200,
    blocks=12,
    precision=0.6,
    precision_low=0.5,
    precision_high=0.7,
    net_mean=0.004,
    net_low=0.001,
    net_all=-0.002,
    profit_curve=[],
)


def test_a_first_model_that_beats_the_base_rate_serves():
    assert verdict(GOOD, None, GOOD).promote


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"signals": MIN_SIGNALS - 1}, "signals on the held-out tail"),
        ({"blocks": MIN_BLOCKS - 1}, "stretches of time"),
        ({"skill_low": 0.0}, "may be chance"),
        ({"skill_low": -0.001}, "may be chance"),
        ({"skill_low": None}, "may be chance"),
        ({"net_mean": 0.0}, "do not pay"),
        ({"net_mean": 0.001, "net_all": 0.002}, "do not pay"),
    ],
)
def test_a_first_model_without_proof_is_refused_with_the_reason(change, words):
    decided = verdict(replace(GOOD, **change), None, GOOD)
    assert not decided.promote
    assert words in decided.reason
    assert len(decided.reason) <= 400


def test_a_tie_keeps_the_champion():
    assert not verdict(GOOD, GOOD, GOOD).promote


def test_more_return_with_a_worse_log_loss_keeps_the_champion():
    assert not verdict(replace(GOOD, net_mean=0.006, log_loss=0.66), GOOD, GOOD).promote


def test_better_in_both_replaces():
    assert verdict(replace(GOOD, net_mean=0.005, log_loss=0.64), GOOD, GOOD).promote


def test_better_than_a_bad_champion_is_not_enough():
    bad = replace(GOOD, net_mean=-0.01, log_loss=0.7)
    assert not verdict(replace(GOOD, net_mean=-0.001, net_low=-0.004), bad, GOOD).promote


def test_one_lucky_tail_is_not_enough():
    decided = verdict(GOOD, None, replace(GOOD, skill_low=-0.0001))
    assert not decided.promote
    assert "walk-forward" in decided.reason
