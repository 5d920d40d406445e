"""Trades by regime, and which strategy is recommended on them."""

import numpy as np
import pytest

from signals.domain.xray.best import LEAST, SHRINK, Tally, best_of, trades_of

NAN = np.nan


def traded(side: list[int], opens: list[float], fee: float = 0.0) -> list[tuple[int, float]]:
    regime = np.arange(len(side), dtype=np.int8)
    found = trades_of(np.array(side, np.int8), np.array(opens, float), regime, fee)
    return [(at, round(value, 12)) for at, value in zip(*(one.tolist() for one in found), strict=True)]


def test_a_trade_is_filled_at_the_next_opens_after_fees():
    assert traded([1, 0, -1, 0], [9.0, 10.0, 99.0, 12.0], 0.001) == [(0, round(1.2 * 0.999**2 - 1, 12))]


def test_one_position_at_a_time_and_the_open_one_is_left_out():
    assert traded([1, 1, -1, -1, 1, 0], [1.0, 10.0, 20.0, 30.0, 40.0, 50.0]) == [(0, 2.0)]


def test_a_missing_open_is_not_entered_and_a_sale_waits():
    assert traded([1, 0, -1, 0, 0], [1.0, NAN, 1.0, 1.0, 1.0]) == []
    assert traded([1, -1, 1, 0, 0], [1.0, 10.0, NAN, 15.0, 1.0]) == [(0, 0.5)]
    assert traded([1, -1, 0], [1.0, 10.0, NAN]) == []


@pytest.mark.parametrize("size", [0, 1])
def test_nothing_to_trade(size: int):
    assert traded([1] * size, [1.0] * size) == []


def test_few_trades_do_not_win_over_many():
    best, why = best_of([Tally(1, LEAST, 0.02, False), Tally(2, 3000, 0.015, False)])
    assert (best.strategy, best.trades, best.mean, why) == (2, 3000, 0.015, "")
    assert best.shrunk == pytest.approx(3000 * 0.015 / (3000 + SHRINK))


def test_nothing_is_recommended_on_few_trades_or_losses():
    best, why = best_of([Tally(1, LEAST - 1, 0.5, False)])
    assert best is None and f"at most {LEAST - 1}" in why
    best, why = best_of([Tally(1, 500, -0.001, False), Tally(2, 500, 0.0, True)])
    assert best is None and "None of 2" in why
    assert best_of([])[0] is None and best_of([Tally(1, 500, NAN, False)])[0] is None


def test_simulated_trades_count_less_than_real_ones():
    best, _ = best_of([Tally(1, 100, 0.01, True), Tally(2, 100, 0.009, False)])
    assert best.strategy == 2
    best, _ = best_of([Tally(1, 100, 0.03, True), Tally(1, 100, -0.001, False)])
    assert best.trades == 200 and best.mean == pytest.approx(0.0145) and best.shrunk == pytest.approx(0.65 / 155)
