"""The GPU's source, compiled by the host's compiler, against numba's CPU backend: the same bits on every market."""

import numpy as np
import pytest

from signals.domain.indicators import Indicator
from signals.domain.strategies import REGISTRY
from signals.scan import pass_cpu
from signals.scan.cuda import host
from signals.scan.cuda.source import Decide
from signals.scan.decisions import DecisionPlan, Rule, masks_compute
from signals.scan.panel import Panel
from signals.scan.plan import Plan
from tests.signals.scan.markets import MADE, assert_same_bits, every_kind, made_matrix, real_market, strategies_of_all

pytestmark = pytest.mark.skipif(host.compiler() is None, reason="needs a C++ compiler (g++)")


def compare(matrix):
    panel, plan = Panel.of(matrix), every_kind()
    (theirs, their_state), (ours, our_state) = pass_cpu.panel_run(panel, plan), host.panel_run(panel, plan)
    assert_same_bits(ours, theirs, plan)
    np.testing.assert_array_equal(our_state, their_state)
    return theirs


@pytest.mark.parametrize("name", MADE)
def test_same_bits_on_made_markets(name):
    compare(made_matrix(name))


def test_same_bits_on_real_candles(market_data):
    columns = compare(real_market(market_data))
    assert np.isfinite(columns).any(axis=(0, 2, 3)).all()


@pytest.mark.parametrize("name", MADE)
def test_same_decisions_on_made_markets(name):
    panel, decisions = Panel.of(made_matrix(name)), strategies_of_all()
    np.testing.assert_array_equal(host.masks_compute(panel, decisions), masks_compute(panel, decisions))


def test_same_decisions_on_real_candles(market_data):
    panel, decisions = Panel.of(real_market(market_data)), strategies_of_all()
    theirs = masks_compute(panel, decisions)
    np.testing.assert_array_equal(host.masks_compute(panel, decisions), theirs)
    assert theirs.any(axis=(0, 2)).all()


def test_formulas_that_differ_in_numbers_only_share_their_code():
    rules = REGISTRY["bollinger_breakout"]
    plans = [DecisionPlan.of([Rule(rules, rules.validate({"width": width}))]) for width in (2.0, 2.5)]
    assert len({Decide.of(plan.formulas[0]) for plan in plans}) == 1


def test_a_whole_formula_is_refused():
    with pytest.raises(ValueError, match="nothing but masks"):
        Decide.of(strategies_of_all().wholes[0])


def test_the_comparison_would_notice_one_bit():
    panel, plan = Panel.of(made_matrix("short")), Plan.of([Indicator("sma", (3,))])
    columns = pass_cpu.columns_compute(panel, plan)
    other = columns.copy()
    other[0, 0, 10, 0] = np.nextafter(other[0, 0, 10, 0], np.inf)
    with pytest.raises(AssertionError, match="sma_3"):
        assert_same_bits(other, columns, plan)


def test_a_source_is_compiled_once(tmp_path, monkeypatch):
    monkeypatch.setattr(host, "cache_prepare", lambda: tmp_path)
    source = 'extern "C" void pass_nothing() {}\n'
    made = host.library_make(source)
    monkeypatch.setattr(host.subprocess, "run", lambda *_args, **_options: pytest.fail("compiled again"))
    assert host.library_make(source) == made
    assert [path.suffix for path in tmp_path.iterdir()] == [".so"]


def test_what_the_compiler_refuses_is_told_in_its_words(tmp_path, monkeypatch):
    monkeypatch.setattr(host, "cache_prepare", lambda: tmp_path)
    with pytest.raises(RuntimeError, match="no_such_thing"):
        host.library_make("void f() { no_such_thing(); }")
