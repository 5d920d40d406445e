import json
import uuid

import pytest

from accounts.clock import now
from mlmodels.domain.evaluation import Evaluation
from mlmodels.domain.gate import Verdict
from mlmodels.models import ModelVersion, TrainingRun
from mlmodels.selectors import champion_get
from mlmodels.services.training_runs import training_run_finish, training_run_start
from mlmodels.training import TrainingStopped, progress_note, training_execute
from signals.models import Outcome, Strategy
from tests.mlmodels.conftest import EXCHANGE, TIMEFRAME
from tests.mlmodels.markets import planted, random_walk

pytest.importorskip("lightgbm", reason="LightGBM or libgomp is missing", exc_type=OSError)
pytestmark = pytest.mark.django_db


def trained(tick=None, trigger="manual"):
    run = training_run_start(exchange=EXCHANGE, timeframe=TIMEFRAME, trigger=trigger)
    try:
        training_execute(run=run, tick=tick or progress_note(run))
    finally:
        run.refresh_from_db()
    return run


def test_a_pattern_becomes_the_serving_model(store):
    store(planted(11))
    run = trained()
    champion = champion_get(EXCHANGE, TIMEFRAME)
    assert (run.status, run.progress, run.model) == ("done", 1.0, champion)
    assert champion.strategy.enabled
    assert champion.trained_from < champion.trained_to
    assert champion.report["verdict"]["promote"]
    assert champion.report["tail"]["signals"] >= 40
    assert champion.report["champion"]["note"] == "There is no champion."
    json.dumps(champion.report, allow_nan=False)


def test_the_same_again_is_a_tie_and_keeps_the_champion(store):
    store(planted(11))
    first = trained().model
    second = trained().model
    assert champion_get(EXCHANGE, TIMEFRAME) == first
    assert second.status == "refused"
    assert "not higher than the champion's" in second.status_reason
    assert second.report["champion"]["version"] == first.version
    assert second.report["champion"]["tail"]["net_mean"] == second.report["tail"]["net_mean"]


def test_noise_is_registered_but_does_not_serve(store):
    store(random_walk(5))
    run = trained()
    assert run.status == "done"
    assert run.model.status in ("shadow", "refused")
    assert run.model.status_reason in run.message
    assert champion_get(EXCHANGE, TIMEFRAME) is None
    assert not Strategy.objects.filter(kind="model", enabled=True).exists()


def test_too_few_candles_are_skipped_with_the_numbers(store):
    store(random_walk(1, steps=200))
    run = trained()
    assert run.status == "skipped"
    assert run.message == "Not enough data: 200 candles, 376 are needed."


def test_no_instruments_are_skipped_too(db, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    assert "No instrument of binance is scanned yet" in trained().message


@pytest.mark.parametrize("at", [0.0, 0.1, 0.5, 0.97])
def test_a_stop_at_any_point_keeps_nothing(store, at):
    store(planted(11))

    def tick(share):
        if share >= at:
            raise TrainingStopped("SIGTERM received.")

    with pytest.raises(TrainingStopped):
        trained(tick)
    run = TrainingRun.objects.get()
    assert (run.status, run.message) == ("failed", "Stopped: SIGTERM received. Nothing was kept.")
    assert not ModelVersion.objects.exists()
    assert not Strategy.objects.filter(kind="model", enabled=True).exists()


def test_a_run_declared_over_while_it_trained_keeps_nothing(store):
    store(planted(11))

    def tick(share):
        if share >= 1.0:
            training_run_finish(run_id=TrainingRun.objects.get().pk, status="failed", message="It was silent.")

    with pytest.raises(TrainingStopped):
        trained(tick)
    assert TrainingRun.objects.get().message == "It was silent."
    assert not ModelVersion.objects.exists()


def test_a_failure_in_the_last_step_keeps_nothing(store, monkeypatch):
    store(planted(11))

    def broken(**_):
        raise RuntimeError("disk full")

    monkeypatch.setattr("mlmodels.services.registry.audit_record", broken)
    with pytest.raises(RuntimeError):
        trained()
    assert TrainingRun.objects.get().message == "RuntimeError: disk full"
    assert not ModelVersion.objects.exists()
    assert not Strategy.objects.filter(kind="model", enabled=True).exists()


def test_a_champion_that_changed_meanwhile_is_not_overrun(store, monkeypatch, register):
    from mlmodels.services.registry import model_promote

    store(planted(11))

    def tick(share):
        if share >= 1.0:
            model_promote(model=register(), reason="By hand.")

    run = trained(tick)
    assert "champion changed" in run.message
    assert champion_get(EXCHANGE, TIMEFRAME).status_reason == "By hand."


def test_a_champion_of_other_features_gives_way(store, register):
    from mlmodels.services.registry import model_promote

    store(planted(11))
    model_promote(model=register(features=["old"]), reason="Long ago.")
    run = trained()
    assert champion_get(EXCHANGE, TIMEFRAME) == run.model
    assert "other features" in run.model.report["champion"]["note"]


def test_a_better_challenger_replaces_the_champion(store, monkeypatch):
    store(planted(11))
    first = trained().model
    seen = []

    def judge(challenger, champion, walk_forward):
        seen.append((challenger, champion))
        return Verdict(True, "Better on the same tail.")

    monkeypatch.setattr("mlmodels.training.verdict", judge)
    second = trained().model
    ((challenger, champion),) = seen
    assert isinstance(champion, Evaluation)
    assert champion.rows == challenger.rows
    first.refresh_from_db()
    assert (first.status, second.status) == ("retired", "champion")
    assert not first.strategy.enabled


def test_closed_trades_are_in_the_report(store):
    instrument = store(planted(11))[0]
    strategy = Strategy.objects.create(name="model binance 1m", kind="model", enabled=False)
    for number in range(12):
        Outcome.objects.create(
            instrument=instrument,
            strategy=strategy if number < 10 else None,
            timeframe=TIMEFRAME,
            trade_id=uuid.uuid4(),
            mode="paper",
            opened_at=now(),
            closed_at=now(),
            return_net=0.01 if number % 2 else -0.005,
            close_reason="take_profit",
        )
    outcomes = trained().model.report["outcomes"]
    assert (outcomes["all"]["n"], outcomes["model"]["n"]) == (12, 10)
    assert outcomes["model"]["hit_rate"] == 0.5
    assert 0.2 < outcomes["model"]["hit_rate_low"] < 0.5 < outcomes["model"]["hit_rate_high"]
    assert outcomes["all"]["net_mean"] == pytest.approx(0.0025)
