"""Compiled decisions are those of the strategy itself, to the last bit."""

import numpy as np
import pytest

from signals.domain.strategies import REGISTRY
from signals.domain.strategies.base import Decisions, Parameter, Strategy
from signals.domain.strategies.formula import formula_of
from signals.domain.strategies.trace import NotTraceable
from signals.scan.decisions import DecisionPlan, Rule, masks_compute, sides_by_symbol, traceable
from signals.scan.panel import Panel
from signals.scan.pass_cpu import lanes_compute
from tests.signals.scan.markets import alone
from tests.signals.support import holed_matrix, real_matrix, walk_matrix


def rules_of(**given):
    return traceable([Rule(rules, rules.validate(given.get(kind, {}))) for kind, rules in REGISTRY.items()])[0]


def assert_same(matrix, rules, threads=None):
    decisions, panel = DecisionPlan.of(rules), Panel.of(matrix)
    masks = masks_compute(panel, decisions, threads=threads)
    lanes = lanes_compute(matrix, decisions.plan.indicators)
    for number, one in enumerate(rules):
        side = one.rules.decide(lanes, one.values).side
        np.testing.assert_array_equal(sides_by_symbol(panel, masks, number), side, err_msg=one.rules.kind)


def test_masks_are_what_the_strategies_decide_on_real_candles(market_data):
    assert_same(real_matrix(market_data, 100, 1500), alone(rules_of()))


@pytest.mark.parametrize("lanes", [1, 15, 16, 17, 40])
@pytest.mark.parametrize("threads", [1, 2])
def test_masks_for_any_number_of_lanes_and_threads(lanes, threads):
    assert_same(walk_matrix(lanes, 700), alone(rules_of()), threads)


def test_masks_of_lanes_with_holes_and_late_beginnings():
    assert_same(holed_matrix(40, 900), alone(rules_of()))


@pytest.mark.parametrize("scale", [1e-9, 1e-5, 1e5])
def test_masks_at_any_price(scale):
    assert_same(walk_matrix(20, 500, scale=scale), alone(rules_of()))


def test_a_changed_fraction_is_the_same_text():
    """So that editing a threshold in the admin compiles nothing."""
    rules = REGISTRY["bollinger_breakout"]
    first, second = (formula_of(rules, rules.validate({"width": w}), whole=True) for w in (2.0, 2.5))
    assert first.text == second.text


class Odd(Strategy):
    kind, name, title = "odd", "Odd", "Something that cannot be noted"
    parameters = (Parameter("length", 3, 1, 5, "Candles."),)

    def indicators(self, values):
        return ()

    def decide(self, lanes, values):
        mean = np.cumsum(lanes.close, axis=1)
        return Decisions.of(lanes.close > mean, lanes.close < mean, lanes.close)

    def reason(self, side, values, details):
        return ""


class Branching(Odd):
    def decide(self, lanes, values):
        if lanes.close > lanes.open:
            return Decisions.of(lanes.close > 1.0, lanes.close < 1.0, lanes.close)
        raise AssertionError


@pytest.mark.parametrize("rules", [Odd(), Branching()])
def test_what_cannot_be_noted_is_said_and_kept_apart(rules):
    with pytest.raises(NotTraceable):
        formula_of(rules, rules.validate({}), whole=False)
    assert traceable([Rule(rules, rules.validate({}))])[1]
