import numpy as np
import pytest

from mlmodels.domain.dataset import dataset_build
from mlmodels.domain.gate import verdict
from mlmodels.pipeline import NotEnoughData, pipeline_run
from mlmodels.predictor import ModelRefused, Predictor, artifact_hash, predictor_load
from tests.mlmodels.markets import costs, planted, random_walk, real_market

pytest.importorskip("lightgbm", reason="LightGBM or libgomp is missing", exc_type=OSError)


@pytest.fixture(scope="module")
def data():
    matrix = planted(11)
    return dataset_build(matrix, costs(matrix))


@pytest.fixture(scope="module")
def judged(data):
    return pipeline_run(data)


def test_a_planted_pattern_is_learnt_and_promoted(judged):
    assert judged.evaluation.auc > 0.75
    assert judged.evaluation.net_mean > judged.evaluation.net_all
    assert verdict(judged.evaluation, None, judged.walk_forward).promote, verdict(
        judged.evaluation, None, judged.walk_forward
    ).reason


@pytest.mark.parametrize("seed", range(6))
def test_noise_is_not_promoted(seed):
    matrix = random_walk(seed)
    noise = pipeline_run(dataset_build(matrix, costs(matrix)))
    assert not verdict(noise.evaluation, None, noise.walk_forward).promote
    assert noise.evaluation.auc < 0.6


def test_noise_is_not_promoted_even_without_costs():
    matrix = random_walk(77)
    noise = pipeline_run(dataset_build(matrix, costs(matrix, 0.0)))
    assert not verdict(noise.evaluation, None, noise.walk_forward).promote


def test_same_data_and_seed_give_the_same_model(data, judged):
    again = pipeline_run(data)
    assert artifact_hash(again.artifact) == artifact_hash(judged.artifact)
    assert again.evaluation == judged.evaluation
    assert artifact_hash(pipeline_run(data, seed=8).artifact) != artifact_hash(judged.artifact)


def test_the_light_predictor_equals_lightgbm(data, judged):
    import lightgbm

    mine = Predictor(judged.artifact, data.names).predict(data.x)
    assert np.array_equal(mine, lightgbm.Booster(model_str=judged.artifact).predict(data.x, num_threads=1))
    assert np.array_equal(mine, judged.fit.predict(data.x)), "the stored text is the model that was judged"
    one_by_one = np.concatenate([Predictor(judged.artifact, data.names).predict(data.x[i : i + 1]) for i in range(20)])
    assert np.array_equal(mine[:20], one_by_one)


def test_the_tail_is_never_learnt_from(data, judged):
    """Another tail gives the same model: nothing that was chosen has looked at it."""
    rows = data.between(judged.tail.train_end, data.steps[1])
    data_changed = dataset_build(planted(11), costs(planted(11)))
    data_changed.x[rows] = 0.0
    data_changed.wins[rows] = ~data_changed.wins[rows]
    data_changed.net[rows] *= -1.0
    again = pipeline_run(data_changed)
    assert again.artifact == judged.artifact
    assert again.threshold == judged.threshold
    assert again.evaluation != judged.evaluation


def test_too_little_data_says_how_much_there_is():
    matrix = random_walk(1, symbols=2, steps=200)
    with pytest.raises(NotEnoughData, match=r"125 labelled candles and 250 rows, 300 candles and 3000 rows"):
        pipeline_run(dataset_build(matrix, costs(matrix)))


def test_the_newest_rows_are_kept_when_there_are_too_many():
    matrix = random_walk(1, symbols=3, steps=200)
    full, capped = (dataset_build(matrix, costs(matrix), max_rows=rows) for rows in (None, 100))
    assert capped.rows == 100
    assert np.array_equal(capped.x, full.x[-100:])


def test_a_stop_during_training_comes_through(data):
    def tick(share):
        if share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pipeline_run(data, tick=tick)


def test_a_damaged_or_foreign_model_is_refused_with_words(data, judged):
    good = artifact_hash(judged.artifact)
    with pytest.raises(ModelRefused, match="damaged"):
        predictor_load(judged.artifact + " ", good, data.names, data.names)
    with pytest.raises(ModelRefused, match=r"other features.*old_feature"):
        predictor_load(judged.artifact, good, [*data.names[:-1], "old_feature"], data.names)
    with pytest.raises(ModelRefused, match="refused the model"):
        predictor_load("nonsense", artifact_hash("nonsense"), data.names, data.names)
    with pytest.raises(ModelRefused, match="features expected"):
        Predictor(judged.artifact, data.names).predict(data.x[:, :5])


def test_real_candles_are_judged_soberly():
    matrix = real_market(20, 1200)
    real = pipeline_run(dataset_build(matrix, costs(matrix)))
    assert 0.3 < real.evaluation.auc < 0.7
    assert real.evaluation.rows > 4000
    assert real.report["folds"][0]["train_to_ms"] < real.report["folds"][0]["test_from_ms"]
