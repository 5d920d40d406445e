"""Chains: properties over any order of input, correlation, missing sources, broken steps, and 100 real pairs."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.candles.fold import table_folded
from signals.domain.selection import REGISTRY, filter_of
from signals.domain.selection.chain import Step, chain_run
from signals.domain.selection.correlation import Kept, log_returns
from tests.signals.domain.selection.worlds import DAY, chain, coin, sieve, symbols, table
from tests.signals.support import real_matrix

NUMBER = st.one_of(st.floats(0.0, 1e9), st.sampled_from([float("nan"), float("inf"), -1.0, 5.0]))
ALL = tuple((kind, {}) for kind in REGISTRY if kind != "quote_currency")


@st.composite
def markets(draw):
    """Up to 14 coins with some odd numbers (ties are likely), and candles for most of them."""
    count = draw(st.integers(0, 14))
    coins = [
        coin(
            f"C{i}", volume=draw(NUMBER), spread=draw(st.sampled_from([0.001, 0.02, float("nan")])),
            last=draw(st.sampled_from([100.0, 1e-9, float("nan")])), active=draw(st.booleans()),
            trouble=draw(st.sampled_from(["", "", "", "Fails."])),
        )
        for i in range(count)
    ]  # fmt: skip
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    market = rng.normal(0, 0.05, 60)
    tables = {
        one.symbol: table(np.exp(np.cumsum(market + rng.normal(0, 0.02, 60)))[-draw(st.integers(1, 60)) :])
        for one in coins
        if draw(st.booleans())
    }
    return coins, tables


@settings(max_examples=60, deadline=None)
@given(world=markets(), seed=st.integers(0, 99), limit=st.floats(-1.0, 1.0))
def test_the_order_of_the_input_never_matters(world, seed, limit):
    coins, tables = world
    mixed = random.Random(seed).sample(coins, len(coins))
    steps = [*ALL, ("correlation", {"limit": limit, "timeframe": "1d", "candles": 60, "overlap": 10})]
    for chosen in (steps, [step for step in steps if step[0] != "age"], [("offset", {"skip": 1, "number": 3})]):
        one, other = (chain(given_, *chosen, tables=tables) for given_ in (coins, mixed))
        assert (one.chosen, one.refused) == (other.chosen, other.refused)
        assert set(one.chosen) | set(one.refused) == set(symbols(coins))
        assert not set(one.chosen) & set(one.refused)


@settings(max_examples=60, deadline=None)
@given(world=markets(), limit=st.floats(-1.0, 1.0))
def test_correlation_never_keeps_two_above_the_limit(world, limit):
    coins, tables = world
    got = sieve(filter_of("correlation"), coins, tables=tables, limit=limit, timeframe="1d", candles=60, overlap=10)
    kept = [table_of(tables, one.symbol) for one in got.kept]
    assert not (correlations(log_returns(kept), 10) > limit).any()


def table_of(tables, symbol):
    return tables.get(symbol, table([]))


@settings(max_examples=60, deadline=None)
@given(count=st.integers(0, 40), seed=st.integers(0, 2**31 - 1), mix=st.integers(0, 99))
def test_shuffle_is_a_permutation_determined_by_the_seed(count, seed, mix):
    coins = [coin(f"C{i}") for i in range(count)]
    mixed = random.Random(mix).sample(coins, count)
    one, other = (symbols(sieve(filter_of("shuffle"), given_, seed=seed).kept) for given_ in (coins, mixed))
    assert one == other and sorted(one) == sorted(symbols(coins))
    if count > 20:
        assert symbols(sieve(filter_of("shuffle"), coins, seed=(seed + 1) % 2**31).kept) != one


def correlations(returns, overlap):
    """Of every two rows, by the production path: each row against the ones before it; NaN elsewhere."""
    kept, found = Kept(returns, overlap), np.full((len(returns), len(returns)), np.nan)
    for row in range(len(returns)):
        found[row, :row] = kept.against(row)
        kept.add(row)
    return found


def test_correlations_equal_numpys():
    rng = np.random.default_rng(3)
    returns = rng.normal(0, 0.01, (6, 200)) + rng.normal(0, 0.01, 200)
    below = np.tril_indices(6, -1)
    assert np.allclose(correlations(returns, 10)[below], np.corrcoef(returns)[below], rtol=0, atol=1e-12)
    returns[1, 50:120] = np.nan
    both = np.isfinite(returns[1])
    expected = np.corrcoef(returns[0][both], returns[1][both])[0, 1]
    assert correlations(returns, 10)[1, 0] == pytest.approx(expected, abs=1e-12)
    assert np.isnan(correlations(returns, 131)[1, 0])


def test_a_source_without_any_candles_skips_the_step_and_one_symbol_without_them_does_not():
    coins = [coin("A", volume=2.0), coin("B", volume=1.0)]
    nothing = chain(coins, ("age", {}), ("offset", {"number": 1}), tables={})
    assert nothing.chosen == ("A/USDT",) and "No 1d candles" in nothing.steps[1].skipped
    one = chain(coins, ("age", {}), tables={"B/USDT": table(np.ones(20))})
    assert one.chosen == ("B/USDT",) and one.refused["A/USDT"] == "No listing date and no daily candle."


def test_a_broken_step_is_skipped_with_its_reason(monkeypatch):
    def broken(*_args):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(type(filter_of("shuffle")), "sieve", broken)
    got = chain([coin("A")], ("shuffle", {}), ("magic", {}), ("volume", {"top": -1}))
    assert got.chosen == ("A/USDT",)
    assert [step.skipped for step in got.steps[1:]] == [
        "by zero", f"Unknown filter 'magic'. Allowed: {', '.join(REGISTRY)}.",
        "top must be a whole number from 0 to 5,000, not -1.",
    ]  # fmt: skip


def test_trouble_comes_first_whatever_the_chain():
    got = chain([coin("A", trouble="Candles fail.", active=False)], ("market_status", {}))
    assert got.refused == {"A/USDT": "Candles fail."}


def test_the_whole_chain_on_100_real_pairs(market_data):
    matrix = real_matrix(market_data, 100, 26_000)
    fives = {name: matrix.table(name) for name in matrix.symbols}
    tables = {frame: _folded(fives, length) for frame, length in (("1h", 3_600_000), ("1d", DAY))}
    end = int(matrix.open_time_ms[-1]) + 300_000
    steps = [Step(kind, {"limit": 0.7} if kind == "correlation" else {}) for kind in REGISTRY]

    def candles(wanted, want):
        return {one: tables[want.timeframe][one].where(slice(-want.count, None)) for one in wanted}

    got = chain_run([_real(name, one) for name, one in fives.items()], steps, now_ms=end, candles=candles)
    assert len(fives) == 100 and not [step.skipped for step in got.steps if step.skipped]
    assert 10 <= len(got.chosen) < 90 and set(got.chosen) | set(got.refused) == set(fives)
    closes = np.array([tables["1h"][name].close[-168:] for name in got.chosen])
    between = np.corrcoef(np.diff(np.log(closes), axis=1))
    np.fill_diagonal(between, 0.0)
    assert between.max() <= 0.7
    twins = {reason.split()[3] for reason in got.refused.values() if reason.startswith("Correlation")}
    assert twins and twins <= set(matrix.symbols)


def _folded(fives, length):
    return {name: table_folded(one, 300_000, length) for name, one in fives.items()}


def _real(name, one):
    day = one.where(slice(-288, None))
    last = float(one.close[-1])
    return coin(
        name.split("_")[0], symbol=name, last=last, tick=last * 1e-5, volume=float((day.close * day.volume).sum()),
        high=float(day.high.max()), low=float(day.low.min()),
    )  # fmt: skip
