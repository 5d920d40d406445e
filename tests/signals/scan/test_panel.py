"""Candles in blocks: which are usable, and that a large panel gives what its parts give."""

import numpy as np

from signals.candles.matrix import FIELDS, CandleMatrix
from signals.domain.indicators import Indicator
from signals.domain.lanes import usable_candles
from signals.scan import pass_cpu
from signals.scan.drive import lanes_usable
from signals.scan.panel import Panel
from signals.scan.plan import Plan
from tests.signals.support import walk_matrix

ODD = (np.nan, np.inf, -np.inf, 0.0, -0.0, -1.0, 5e-324, 1.7976931348623157e308)


def test_the_compiled_rule_of_usable_candles_is_the_written_one():
    rng, matrix = np.random.default_rng(2), walk_matrix(40, 300)
    arrays = [getattr(matrix, name).copy() for name in FIELDS]
    for array in arrays:
        places = rng.random(array.shape) < 0.05
        array[places] = rng.choice(ODD, places.sum())
    usable = np.empty(arrays[0].shape, np.bool_)
    lanes_usable(*arrays, usable)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(usable, usable_candles(*arrays))
    assert 0.2 < usable.mean() < 0.9


def test_columns_written_past_the_caches_are_the_same(monkeypatch):
    """Ragged lanes too: what is streamed has its stretches, its states and its warm-up."""
    matrix = walk_matrix(70, 700)
    fields = [getattr(matrix, name).copy() for name in FIELDS]
    fields[3][5, 200] = fields[3][40, :300] = np.nan
    panel = Panel.of(CandleMatrix(matrix.symbols, matrix.open_time_ms, *fields))
    plan = Plan.of([Indicator("macd", (12, 26, 9)), Indicator("bb", (20, 2)), Indicator("rsi", (14,))])
    ordinary, state = pass_cpu.panel_run(panel, plan)
    monkeypatch.setattr(pass_cpu, "STREAMED", 0)
    for threads in (1, 2):
        columns, other = pass_cpu.panel_run(panel, plan, threads=threads)
        np.testing.assert_array_equal(columns, ordinary)
        np.testing.assert_array_equal(other, state)
