"""Parameter ranges and the sets made of them."""

import pytest

from signals.domain.strategies import REGISTRY
from signals.sweep.grid import grid_of, ranges_of
from signals.sweep.rules import Rules, SweepError

CROSS, BANDS = REGISTRY["ma_cross"], REGISTRY["bollinger_breakout"]


def test_ranges_lists_and_single_values():
    assert ranges_of(["fast=5:7", "slow=20:30:5", "atr=14"], CROSS) == {
        "fast": [5, 6, 7],
        "slow": [20, 25, 30],
        "atr": [14],
    }
    assert ranges_of(["width=1.5:2.1:0.2"], BANDS) == {"width": [1.5, 1.7, 1.9, 2.1]}
    assert ranges_of(["slow=20:29:5"], CROSS) == {"slow": [20, 25]}


def test_combinations_the_strategy_forbids_are_left_out_and_counted():
    grid = grid_of(CROSS, {"fast": [5, 20, 30], "slow": [20, 25]})
    assert [grid.params(number) for number in range(len(grid))] == [
        {"fast": 5, "slow": 20},
        {"fast": 5, "slow": 25},
        {"fast": 20, "slow": 25},
    ]
    assert grid.skipped == 3 and "fast must be smaller than slow" in grid.refusal
    assert grid.complete(0) == {"fast": 5, "slow": 20, "atr": 14}


@pytest.mark.parametrize(
    "text",
    ["fast", "fast=", "=3", "fast=a", "fast=5:", "fast=9:5", "fast=1:5:0", "fast=1:5:-1", "fast=1:2:3:4", "fast=nan",
     "fast=1:1e30"],
)  # fmt: skip
def test_ranges_that_mean_nothing_are_refused(text):
    with pytest.raises(SweepError):
        ranges_of([text], CROSS)


def test_a_fraction_needs_a_step():
    with pytest.raises(SweepError, match="width needs a step"):
        ranges_of(["width=1:3"], BANDS)


@pytest.mark.parametrize(
    ("ranges", "words"),
    [
        ({"fast": [0, 5]}, "from 2 to 400"),
        ({"fast": [2.5]}, "whole number"),
        ({"slow": [100_000]}, "from 3 to 800"),
        ({"speed": [1]}, "has no parameter 'speed'"),
        ({"fast": [30], "slow": [20]}, "No parameter set is left"),
        ({"fast": range(2, 400), "slow": range(3, 800), "atr": range(2, 200)}, "are more than"),
    ],
)
def test_values_outside_the_strategys_ranges_are_refused(ranges, words):
    with pytest.raises(SweepError, match=words):
        grid_of(CROSS, ranges)


@pytest.mark.parametrize(
    "wrong",
    [{"fee": -0.1}, {"fee": float("nan")}, {"slippage": 0.6}, {"stop": 1.0}, {"take": -1.0}, {"balance": 0.0},
     {"fill": "soon"}],
)  # fmt: skip
def test_rules_that_make_no_sense_are_refused(wrong):
    with pytest.raises(SweepError):
        Rules(**wrong)
