from datetime import timedelta

import pytest

from accounts.clock import clock_set, now
from mlmodels.library import LibraryMissing
from mlmodels.models import TrainingRun
from mlmodels.services.schedule import training_claim, training_due
from mlmodels.services.training_runs import SILENCE, training_run_beat, training_run_finish, training_run_start
from mlmodels.tasks import train_due
from signals.models import Outcome, Scan
from tests.mlmodels.conftest import EXCHANGE, TIMEFRAME
from tests.mlmodels.markets import random_walk

pytestmark = pytest.mark.django_db
WHERE = {"exchange": EXCHANGE, "timeframe": TIMEFRAME}


@pytest.fixture(autouse=True)
def every_ten_minutes(settings):
    settings.XRAY_TRAIN_EVERY_S = 600
    settings.XRAY_MARKET_EXCHANGES = [EXCHANGE]
    settings.XRAY_TIMEFRAMES = [TIMEFRAME]


@pytest.fixture
def instruments(store):
    return store(random_walk(1, symbols=2, steps=500))


def ended(minutes_ago, status="done"):
    moment = now() - timedelta(minutes=minutes_ago)
    return TrainingRun.objects.create(**WHERE, status=status, started_at=moment, finished_at=moment)


def scanned(count):
    base = now().replace(second=0, microsecond=0)
    Scan.objects.bulk_create(
        [Scan(**WHERE, candle_open_time=base - timedelta(minutes=m), status="done") for m in range(count)]
    )


def closed_trades(instrument, count):
    import uuid

    Outcome.objects.bulk_create(
        [
            Outcome(
                instrument=instrument,
                timeframe=TIMEFRAME,
                trade_id=uuid.uuid4(),
                mode="paper",
                opened_at=now(),
                closed_at=now(),
                return_net=0.01,
                close_reason="take_profit",
            )
            for _ in range(count)
        ]
    )


def test_the_first_model_is_due_as_soon_as_there_is_enough(instruments):
    assert training_due(**WHERE).trigger == "first"
    assert training_claim(**WHERE).trigger == "first"


def test_only_one_runs_at_a_time(instruments):
    assert training_claim(**WHERE) is not None
    assert training_claim(**WHERE) is None
    assert training_run_start(**WHERE, trigger="manual") is None


def test_not_enough_data_says_so_once(store):
    store(random_walk(1, symbols=2, steps=100))
    for _ in range(3):
        assert training_claim(**WHERE) is None
    run = TrainingRun.objects.get()
    assert run.status == "skipped"
    assert run.message == "Not enough data: 100 candles are stored, 376 are needed."


def test_a_missing_library_names_the_package_and_the_rest_goes_on(instruments, monkeypatch):
    def missing():
        raise LibraryMissing("LightGBM needs the system package libgomp1")

    monkeypatch.setattr("mlmodels.services.schedule.library_load", missing)
    assert train_due() == 0
    assert "libgomp1" in TrainingRun.objects.get().message


@pytest.mark.parametrize(("minutes", "candles", "due"), [(11, 10, "schedule"), (9, 10, ""), (11, 3, "")])
def test_the_schedule_wants_time_and_new_candles(instruments, minutes, candles, due):
    ended(minutes)
    scanned(candles)
    assert training_due(**WHERE).trigger == due


@pytest.mark.parametrize(("minutes", "trades", "due"), [(6, 10, "outcomes"), (6, 9, ""), (4, 10, "")])
def test_ten_closed_trades_bring_it_forward(instruments, minutes, trades, due):
    ended(minutes)
    closed_trades(instruments[0], trades)
    assert training_due(**WHERE).trigger == due


def test_a_dead_run_is_buried_and_tried_again(instruments):
    run = training_claim(**WHERE)
    with clock_set(lambda: run.started_at + SILENCE / 2):
        assert training_claim(**WHERE) is None
        run.refresh_from_db()
        assert run.status == "running"
    with clock_set(lambda: run.started_at + SILENCE + timedelta(seconds=1)):
        again = training_claim(**WHERE)
    run.refresh_from_db()
    assert (run.status, again.trigger) == ("failed", "retry")
    assert "died" in run.message


def test_an_over_run_takes_neither_progress_nor_a_result(instruments):
    run = training_claim(**WHERE)
    assert training_run_beat(run_id=run.pk, progress=0.5)
    assert training_run_finish(run_id=run.pk, status="failed", message="Stopped.")
    assert not training_run_beat(run_id=run.pk, progress=0.9)
    assert not training_run_finish(run_id=run.pk, status="done", message="Done.")
    run.refresh_from_db()
    assert (run.status, run.progress, run.message) == ("failed", 0.5, "Stopped.")


def test_the_task_starts_one_process_for_the_claimed_run(instruments, monkeypatch):
    started = []
    monkeypatch.setattr("mlmodels.trainer_process.trainer_start", started.append)
    assert train_due() == 1
    assert train_due() == 0
    assert [run.status for run in started] == ["running"]
