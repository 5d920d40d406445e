"""The kernels against the reference simulator: random candles, parameters, fees, stops; and awkward prices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.candles.matrix import CandleTable
from signals.sweep.rules import Rules
from signals.sweep.run import ma_cross_sweep
from signals.sweep.ticks import ticks_of
from tests.signals.sweep.reference import ma_cross_side, simulate

FRACTION = st.sampled_from([0.0, 0.0005, 0.001, 0.01, 0.05])


def table_of(opens, high, low, close):
    return CandleTable(np.arange(close.size) * 60_000, opens, high, low, close, np.ones(close.size))


def candles_make(seed, size, *, ticks, decimals, spread):
    """Candles on a decimal grid; few ticks make many equal averages."""
    rng = np.random.default_rng(seed)
    walk = np.maximum(ticks + np.cumsum(rng.integers(-spread, spread + 1, size)), 1 + spread)
    jump = rng.integers(-spread, spread + 1, size) * (rng.random(size) < 0.3)
    opened = np.maximum(np.roll(walk, 1) + jump, 1)
    high = np.maximum(walk, opened) + rng.integers(0, spread + 1, size)
    low = np.maximum(np.minimum(walk, opened) - rng.integers(0, spread + 1, size), 1)
    return tuple(one / 10.0**decimals for one in (opened, high, low, walk))


def compare(arrays, fast, slow, rules, decimals=None):
    table = table_of(*arrays)
    found = ma_cross_sweep(table, np.array(fast), np.array(slow), rules, threads=1)
    for number, (f, s) in enumerate(zip(fast, slow, strict=True)):
        side = ma_cross_side(arrays[3], f, s, decimals)
        equity, fall, trades, is_open = simulate(np.stack(arrays, axis=1).tolist(), side.tolist(), rules)
        assert found.final_equity[number] == pytest.approx(equity, rel=1e-12)
        assert found.max_drawdown[number] == pytest.approx(fall, abs=1e-12)
        assert (found.trades[number], found.open[number]) == (trades, is_open)
    assert found.done.all()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    size=st.integers(2, 400),
    ticks=st.integers(5, 2000),
    decimals=st.integers(0, 12),
    spread=st.integers(1, 20),
    fast=st.integers(1, 30),
    more=st.integers(1, 60),
    fee=FRACTION,
    slippage=FRACTION,
    stop=st.sampled_from([0.0, 0.01, 0.03, 0.3]),
    take=st.sampled_from([0.0, 0.01, 0.05, 0.5]),
    fill=st.sampled_from(["next_open", "close"]),
)
def test_the_kernel_follows_the_rules(seed, size, ticks, decimals, spread, fast, more, fee, slippage, stop, take, fill):
    arrays = candles_make(seed, size, ticks=ticks, decimals=decimals, spread=spread)
    rules = Rules(fee, slippage, stop, take, fill)
    compare(arrays, [fast, 2, fast], [fast + more, 5, fast + 1], rules, decimals)


@pytest.mark.parametrize("stop", [0.0, 0.01])
@pytest.mark.parametrize("fill", ["next_open", "close"])
def test_blocks_and_long_holdings_join(fill, stop):
    """More candles than a block, positions held over its edges, prices that are no decimals."""
    rng = np.random.default_rng(11)
    close = 30_000 * np.exp(np.cumsum(rng.normal(0, 0.002, 2_300)))
    opened = np.roll(close, 1)
    high, low = np.maximum(close, opened) * 1.001, np.minimum(close, opened) * 0.999
    compare((opened, high, low, close), [3, 399], [10, 800], Rules(0.001, 0.0005, stop, 2 * stop, fill))


def test_rising_equity_marks_new_peaks():
    close = 100 * 1.001 ** np.arange(2_000) * (1 + 0.02 * np.sin(np.arange(2_000) / 9))
    compare((close, close, close, close), [2, 5], [7, 20], Rules(fee=0.0))


@pytest.mark.parametrize("price", [1e-9, 1e5])
def test_flat_and_awkward_prices_never_cross_by_rounding(price):
    """Constant stretches and steps in between: averages that are equal stay equal, at any price and length."""
    close = np.repeat(price * np.array([1.0, 1.0 / 3.0 + 1.0, 1.0]), 2_000)
    compare((close, close, close, close), [7, 11], [30, 13], Rules())
    flat = np.full(5_000, price / 3.0)
    found = ma_cross_sweep(table_of(flat, flat, flat, flat), np.array([3, 7]), np.array([10, 300]), Rules(), threads=1)
    assert not found.trades.any() and not found.open.any()


def test_a_million_candles_keep_their_precision():
    """The last cross of a long series is where a fresh start finds it."""
    rng = np.random.default_rng(5)
    close = np.round(60_000 * np.exp(np.cumsum(rng.normal(0, 0.001, 1_000_000))), 2)
    ticks = ticks_of(close, 800)
    assert ticks.decimals == 2
    window = (ticks.sums[-1] - ticks.sums[-801]).astype(np.int64)
    assert window == sum(round(c * 100) for c in close[-800:].tolist())


def test_ticks_find_the_decimals_or_a_power_of_two():
    assert ticks_of(np.array([0.00001234, 0.1]), 10).decimals == 8
    assert ticks_of(np.array([1.0, 2.0]), 10).decimals == 0
    closes = np.array([2.0 / 3.0, 0.9 + 1e-16])
    third = ticks_of(closes, 800)
    assert third.decimals is None and (third.ticks * third.unit == closes).all()


def test_threads_and_chunks_change_nothing():
    arrays = candles_make(3, 2_000, ticks=5_000, decimals=2, spread=30)
    fast, slow = (one.ravel() for one in np.meshgrid(np.arange(2, 40), np.arange(41, 90)))
    one = ma_cross_sweep(table_of(*arrays), fast, slow, Rules(), threads=1)
    told = []
    three = ma_cross_sweep(table_of(*arrays), fast, slow, Rules(), threads=3, progress=told.append)
    assert (one.final_equity == three.final_equity).all() and sum(told) == fast.size
