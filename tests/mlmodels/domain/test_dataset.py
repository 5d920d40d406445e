import numpy as np

from mlmodels.domain.dataset import dataset_build, gaps_marked
from mlmodels.domain.features import LOOKBACK, features_compute, features_last, model_input
from mlmodels.domain.labels import HORIZON, labels_compute
from tests.mlmodels.markets import costs, random_walk


def test_rows_are_in_order_of_time_and_carry_their_own_label():
    matrix = random_walk(2, symbols=4, steps=150)
    data = dataset_build(matrix, costs(matrix))
    net = labels_compute(matrix, costs(matrix)).net
    features = features_compute(matrix)
    assert data.steps == (LOOKBACK - 1, 150 - HORIZON)
    for row in range(0, data.rows, 17):
        step, lane = data.step[row], row % 4
        assert data.net[row] == net[lane, step]
        assert np.array_equal(data.x[row], model_input(features[lane, step]))
    assert (np.diff(data.step) >= 0).all()


def test_a_row_that_serves_is_the_row_that_trains():
    matrix = random_walk(2, symbols=4, steps=150)
    data = dataset_build(matrix, costs(matrix))
    rows = data.between(100, 101)
    assert np.array_equal(model_input(features_last(matrix, 100)), data.x[rows])


def test_nothing_reaches_across_a_gap_in_time():
    matrix = random_walk(2, symbols=2, steps=300)
    matrix.open_time_ms[150:] += 3_600_000
    data = dataset_build(matrix, costs(matrix))
    times = data.open_time_ms[data.step]
    last_before, first_after = matrix.open_time_ms[149], matrix.open_time_ms[150]
    assert times[times <= last_before].max() == matrix.open_time_ms[149 - HORIZON]
    assert times[times >= first_after].min() == matrix.open_time_ms[150 + LOOKBACK - 1]
    assert gaps_marked(random_walk(2, symbols=2, steps=50)).close.shape == (2, 50)
