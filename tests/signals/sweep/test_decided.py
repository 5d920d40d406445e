"""Sweeps of any strategy: random signals against the reference, the strategies' own decisions, memory, interrupts."""

from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.domain.strategies import REGISTRY
from signals.sweep import decided
from signals.sweep.data import Series
from signals.sweep.grid import grid_of
from signals.sweep.rules import Rules
from signals.sweep.run import Market, begun, ma_cross_sweep, rules_array, spread_out
from tests.signals.sweep.reference import simulate
from tests.signals.sweep.test_ma_cross import candles_make, table_of


def series_make(name, seed, size):
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.004, size)))
    opened = np.roll(close, 1)
    return Series(
        name, table_of(opened, np.maximum(opened, close) * 1.002, np.minimum(opened, close) * 0.998, close), ()
    )


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    size=st.integers(2, 300),
    often=st.sampled_from([0.02, 0.2, 0.9]),
    fee=st.sampled_from([0.0, 0.001, 0.02]),
    stop=st.sampled_from([0.0, 0.005, 0.02]),
    take=st.sampled_from([0.0, 0.005, 0.03]),
    fill=st.sampled_from(["next_open", "close"]),
)
def test_any_signals_follow_the_rules(seed, size, often, fee, stop, take, fill):
    """Buys while long, sells while flat, signals in the candle of a stop: whatever comes."""
    from signals.sweep import kernels

    arrays = candles_make(seed, size, ticks=2_000, decimals=2, spread=15)
    rng = np.random.default_rng(seed)
    side = (rng.integers(-1, 2, size) * (rng.random(size) < often)).astype(np.int8)
    rules, market = Rules(fee, 0.0005, stop, take, fill), Market.of(table_of(*arrays))
    numbers, counts = begun(1, rules)
    final = kernels.sided(
        side, market.candles, market.low, market.high, rules_array(rules), rules.levels or None, numbers[0], counts[0],
        np.empty(size, np.int64),
    )  # fmt: skip
    equity, fall, trades, is_open = simulate(np.stack(arrays, axis=1).tolist(), side.tolist(), rules)
    assert final == pytest.approx(equity, rel=1e-12)
    assert 1 - numbers[0, kernels.WORST] == pytest.approx(fall, abs=1e-12)
    assert counts[0, kernels.TRADES] == trades and (counts[0, kernels.ENTRY] != kernels.FLAT) == is_open


def test_decisions_of_ma_cross_give_what_its_own_kernel_gives():
    """On prices whose averages are never equal."""
    grid = grid_of(REGISTRY["ma_cross"], {"fast": [3, 8, 20], "slow": [15, 40]})
    series = [series_make("A/B", 1, 900), series_make("C/D", 2, 900)]
    for one, figures in zip(series, decided.decided_sweep(series, grid, Rules(stop=0.01), threads=2), strict=True):
        fast, slow = grid.values.astype(np.int64).T
        own = ma_cross_sweep(one.table, fast.copy(), slow.copy(), Rules(stop=0.01), threads=1)
        np.testing.assert_array_equal(figures.final_equity, own.final_equity)
        np.testing.assert_array_equal(figures.trades, own.trades)
        assert figures.trades.sum() > 10


def test_symbols_with_the_same_times_are_swept_together(monkeypatch):
    series = [series_make(name, 1, size) for name, size in (("A", 500), ("B", 400), ("C", 500), ("D", 500))]
    names = [[one.symbol for one in group] for group in decided.grouped(series)]
    assert names == [["A", "C", "D"], ["B"]]
    monkeypatch.setattr(decided, "BUDGET", 2 * 500 * decided.ONE_CANDLE)
    assert [[one.symbol for one in group] for group in decided.grouped(series)] == [["A", "C"], ["B"], ["D"]]


def test_larger_candles_are_made_by_their_times():
    """A strategy that looks at larger candles trades, and the same as from its decisions on the candles themselves."""
    grid, one = grid_of(REGISTRY["trend"], {"minutes": [5, 15]}), series_make("A/B", 3, 3_000)
    found = decided.decided_sweep([one], grid, Rules())[0]
    assert found.trades.min() > 0 and found.final_equity[0] != found.final_equity[1]


@pytest.mark.parametrize("kind", sorted(REGISTRY))
def test_little_memory_changes_nothing(monkeypatch, kind):
    first = REGISTRY[kind].parameters[0]
    ranges = {first.name: [first.default, first.default + 1]}
    grid, series = grid_of(REGISTRY[kind], ranges), [series_make("A/B", 5, 500)]
    whole = decided.decided_sweep(series, grid, Rules())[0]
    monkeypatch.setattr(decided, "BUDGET", 1)
    small = decided.decided_sweep(series, grid, Rules())[0]
    np.testing.assert_array_equal(whole.final_equity, small.final_equity)
    assert decided.fits(1_000) == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_finishes_what_has_begun_and_begins_no_more(threads):
    stop, done = Event(), []

    def interrupted(sets):
        raise KeyboardInterrupt

    chunks = [np.array([number]) for number in range(20)]
    spread_out(lambda chunk: done.append(int(chunk[0])), chunks, threads, stop, interrupted)
    assert stop.is_set() and 1 <= len(done) <= threads
