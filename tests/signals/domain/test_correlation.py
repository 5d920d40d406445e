"""Correlations equal numpy's on whole data, are honest about gaps, and make groups around the most traded coin."""

import numpy as np
import pytest

from signals.domain.correlation import correlations, groups_of, returns_of


@pytest.fixture
def rng():
    return np.random.default_rng(8)


def test_they_equal_numpys(rng):
    returns = rng.normal(0, 0.01, (5, 200))
    assert np.allclose(correlations(returns), np.corrcoef(returns), atol=1e-12)


def test_gaps_are_left_out_pair_by_pair(rng):
    returns = rng.normal(0, 0.01, (3, 200))
    returns[0, :70] = np.nan
    returns[1, 150:] = np.nan
    found = correlations(returns)
    assert found[0, 1] == pytest.approx(np.corrcoef(returns[:2, 70:150])[0, 1], abs=1e-12)
    assert found[0, 2] == pytest.approx(np.corrcoef(returns[[0, 2], 70:])[0, 1], abs=1e-12)
    returns[1, 129:] = np.nan
    assert np.isnan(correlations(returns)[0, 1]) and np.isfinite(correlations(returns)[0, 2]), "59 shared are too few"


def test_a_price_that_stands_still_is_not_known(rng):
    returns = np.vstack([np.zeros(100), rng.normal(0, 0.01, 100)])
    assert np.isnan(correlations(returns)[0]).all()
    assert groups_of(correlations(returns)) == [None, None]


def test_returns_are_over_blocks_that_end_at_the_newest_candle():
    close = np.exp(np.arange(32.0))[None, :]
    assert np.allclose(returns_of(close), [[15.0, 15.0]])
    close[0, 16] = np.nan
    assert np.isnan(returns_of(close)).all()
    close[0, 16] = 0.0
    assert np.isnan(returns_of(close)).all()


def test_members_move_with_their_leader_and_chains_do_not_join():
    #                    a    b    c    d
    table = np.array([[1.0, 0.9, 0.5, np.nan],
                      [0.9, 1.0, 0.9, np.nan],
                      [0.5, 0.9, 1.0, np.nan],
                      [np.nan, np.nan, np.nan, 1.0]])  # fmt: skip
    assert groups_of(table) == [0, 0, 2, None]
    assert groups_of(table, enough=0.91) == [0, 1, 2, None]
