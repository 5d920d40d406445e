"""The GPU's source, compiled by the host's compiler, against numba's CPU backend: the same bits on every market."""

import numpy as np
import pytest

from signals.domain.indicators import Indicator
from signals.scan import pass_cpu
from signals.scan.cuda import host
from signals.scan.panel import Panel
from signals.scan.plan import Plan
from tests.signals.scan.markets import MADE, assert_same_bits, every_kind, made_matrix, real_market

pytestmark = pytest.mark.skipif(host.compiler() is None, reason="needs a C++ compiler (g++)")


def compare(matrix):
    panel, plan = Panel.of(matrix), every_kind()
    theirs = pass_cpu.columns_compute(panel, plan)
    assert_same_bits(host.columns_compute(panel, plan), theirs, plan)
    return theirs


@pytest.mark.parametrize("name", MADE)
def test_same_bits_on_made_markets(name):
    compare(made_matrix(name))


def test_same_bits_on_real_candles(market_data):
    columns = compare(real_market(market_data))
    assert np.isfinite(columns).any(axis=(0, 2, 3)).all()


def test_the_comparison_would_notice_one_bit():
    panel, plan = Panel.of(made_matrix("short")), Plan.of([Indicator("sma", (3,))])
    columns = pass_cpu.columns_compute(panel, plan)
    other = columns.copy()
    other[0, 0, 10, 0] = np.nextafter(other[0, 0, 10, 0], np.inf)
    with pytest.raises(AssertionError, match="sma_3"):
        assert_same_bits(other, columns, plan)


def test_a_source_is_compiled_once(tmp_path, monkeypatch):
    monkeypatch.setattr(host, "cache_prepare", lambda: tmp_path)
    source = 'extern "C" void xray_pass_host() {}\n'
    made = host.library_make(source)
    monkeypatch.setattr(host.subprocess, "run", lambda *_args, **_options: pytest.fail("compiled again"))
    assert host.library_make(source) == made
    assert [path.suffix for path in tmp_path.iterdir()] == [".so"]


def test_what_the_compiler_refuses_is_told_in_its_words(tmp_path, monkeypatch):
    monkeypatch.setattr(host, "cache_prepare", lambda: tmp_path)
    with pytest.raises(RuntimeError, match="no_such_thing"):
        host.library_make("void f() { no_such_thing(); }")
