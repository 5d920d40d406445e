"""The aggregate's arithmetic: bounds, order, symmetry, and that few outcomes change nothing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.domain.aggregation.settings import settings_validate
from signals.domain.aggregation.thresholds import RATIO, hit_rate, threshold_at, volatility_ratio
from signals.domain.aggregation.votes import MOST, Vote, combined, evidence, told
from signals.domain.aggregation.weights import Outcome, weight_learned
from signals.domain.strategies import ParameterError

DEFAULTS = settings_validate({})
fractions = st.floats(0, 1)
votes = st.builds(
    Vote, st.sampled_from(["buy", "sell"]), fractions, st.floats(DEFAULTS["low_weight"], DEFAULTS["high_weight"]),
    st.integers(0, 3),
)  # fmt: skip
outcomes = st.lists(st.builds(Outcome, st.floats(-1, 10), st.floats(0.01, 1)), max_size=80)


def turned(vote: Vote) -> Vote:
    return Vote("sell" if vote.side == "buy" else "buy", vote.confidence, vote.weight, vote.age)


@given(st.lists(votes, max_size=12), st.randoms())
def test_the_order_of_votes_does_not_change_a_bit(cast, random):
    mixed = list(cast)
    random.shuffle(mixed)
    assert combined(mixed, DEFAULTS) == combined(cast, DEFAULTS)


@given(st.lists(votes, max_size=12))
def test_buys_and_sells_are_treated_alike(cast):
    one, other = combined(cast, DEFAULTS), combined([turned(vote) for vote in cast], DEFAULTS)
    assert (one.confidence, one.net) == (other.confidence, -other.net if one.net else 0.0)
    assert (one.side, other.side) in {("buy", "sell"), ("sell", "buy"), ("", "")}
    assert 0.0 <= one.confidence <= 1.0


@given(st.lists(votes, min_size=1, max_size=12))
def test_no_source_moves_the_verdict_further_than_its_bound(cast):
    bound = DEFAULTS["high_weight"] * -math.log1p(-MOST)
    assert abs(combined(cast, DEFAULTS).net - combined(cast[1:], DEFAULTS).net) <= bound * (1 + 1e-12)
    assert all(abs(evidence(vote, DEFAULTS)) <= bound for vote in cast)


@given(fractions)
def test_a_single_vote_of_weight_one_is_its_own_confidence(confidence):
    assert combined([Vote("buy", confidence, 1.0)], DEFAULTS).confidence == pytest.approx(min(confidence, MOST))


def test_agreement_is_surer_and_contradiction_cancels():
    half = Vote("buy", 0.5, 1.0)
    assert combined([half, half], DEFAULTS).confidence == pytest.approx(0.75)
    assert combined([half, turned(half)], DEFAULTS).side == ""
    older = combined([Vote("buy", 0.5, 1.0, 2)], DEFAULTS)
    assert older.confidence < 0.5
    words = told(combined([half, half], DEFAULTS), [("A v1", half), ("B v1", Vote("sell", 0.2, 0.8, 1))], 0.3)
    assert words == "1 of 2 votes to buy, 0.30 needed: A v1 buy 0.50; B v1 sell 0.20 x 0.80, 1 candle ago"


@given(outcomes, st.floats(0, 1), st.floats(1, 3))
def test_weights_stay_in_their_bounds(rows, low, high):
    learned = weight_learned(rows, DEFAULTS, low, high)
    assert (learned.weight is None) == (len(rows) < DEFAULTS["least_outcomes"])
    assert learned.weight is None or low <= learned.weight <= high
    assert 0.0 <= learned.win_rate <= 1.0


def test_gains_raise_a_weight_losses_lower_it_and_old_ones_fade():
    def weight(returns):
        return weight_learned([Outcome(one) for one in returns], DEFAULTS, 0.5, 1.5).weight

    assert weight([0.01] * 9) is None
    assert weight([0.01] * 10) == pytest.approx(1.5, abs=0.05) and weight([-0.01] * 10) == pytest.approx(0.5, abs=0.05)
    assert weight([0.002] * 30 + [-0.002] * 30) > 1.0 > weight([-0.002] * 30 + [0.002] * 30)
    assert weight([0.9] + [0.0] * 59) < 1.12
    assert weight([math.nan] * 20) is None


@given(st.lists(st.one_of(st.floats(1e-9, 1e9), st.just(math.nan), st.just(-1.0), st.just(math.inf)), max_size=200))
def test_a_threshold_is_in_its_bounds_whatever_the_candles(closes):
    ratio = volatility_ratio(closes, DEFAULTS)
    assert 1 / RATIO <= ratio <= RATIO
    for hits in (0.0, 0.5, 1.0):
        assert DEFAULTS["low_threshold"] <= threshold_at(ratio, hits, DEFAULTS) <= DEFAULTS["high_threshold"]


def test_wild_symbols_and_losing_ones_need_more():
    calm = [100 + 0.1 * (n % 2) for n in range(101)]
    wild = calm[:-20] + [100 + (n % 2) for n in range(20)]
    assert volatility_ratio(calm, DEFAULTS) == pytest.approx(1.0) and volatility_ratio(wild, DEFAULTS) == RATIO
    assert volatility_ratio(calm[:21], DEFAULTS) == 1.0 and volatility_ratio([5.0] * 200, DEFAULTS) == 1.0
    assert threshold_at(1.0, 0.5, DEFAULTS) == DEFAULTS["base_threshold"]
    assert threshold_at(2.0, 0.5, DEFAULTS) > threshold_at(1.0, 0.5, DEFAULTS) > threshold_at(0.5, 0.5, DEFAULTS)
    assert hit_rate(0, 0) == 0.5 and hit_rate(0, 20) < 0.2
    assert threshold_at(1.0, hit_rate(0, 20), DEFAULTS) > 0.3 > threshold_at(1.0, hit_rate(20, 0), DEFAULTS)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"magic": 1}, "no parameter 'magic'"),
        ({"vote_decay": 2}, "from 0 to 1"),
        ({"base_threshold": 0.1}, "low_threshold"),
        ({"short": 150}, "smaller than long"),
        ({"half_life": 1.5}, "whole number"),
    ],
)
def test_settings_that_are_not_allowed(given, words):
    with pytest.raises(ParameterError, match=words):
        settings_validate(given)
