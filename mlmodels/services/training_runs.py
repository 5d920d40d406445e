"""The life of a training run: claimed, alive, finished or found dead."""

from datetime import timedelta

from django.db import IntegrityError, transaction

from accounts.clock import now
from mlmodels.models import ModelVersion, TrainingRun
from mlmodels.selectors import last_run_get

Status = TrainingRun.Status
SILENCE = timedelta(seconds=120)
"""A running run without a heartbeat for this long has died."""


def training_run_start(*, exchange: str, timeframe: str, trigger: str) -> TrainingRun | None:
    """Claim the one run of an exchange and timeframe; None while another is running (a constraint decides)."""
    try:
        with transaction.atomic():
            return TrainingRun.objects.create(exchange=exchange, timeframe=timeframe, trigger=trigger[:24])
    except IntegrityError:
        return None


def training_run_beat(*, run_id: int, progress: float) -> bool:
    """Note progress, 0 to 1; False when the run is no longer running (someone declared it dead)."""
    alive = TrainingRun.objects.filter(pk=run_id, status=Status.RUNNING)
    return bool(alive.update(progress=min(1.0, max(0.0, progress)), heartbeat_at=now()))


def training_run_finish(*, run_id: int, status: str, message: str, model: ModelVersion | None = None) -> bool:
    """End a running run; False when it had ended already (then nothing is changed)."""
    values = {"status": status, "message": message[:400], "finished_at": now(), "model": model}
    if status == Status.DONE:
        values["progress"] = 1.0
    return bool(TrainingRun.objects.filter(pk=run_id, status=Status.RUNNING).update(**values))


def training_run_skip(*, exchange: str, timeframe: str, trigger: str, message: str) -> None:
    """Note that training was not possible; a skipped run in a row is brought up to date, not repeated."""
    last = last_run_get(exchange, timeframe)
    if last is not None and last.status == Status.SKIPPED:
        TrainingRun.objects.filter(pk=last.pk).update(message=message[:400], finished_at=now())
        return
    run = training_run_start(exchange=exchange, timeframe=timeframe, trigger=trigger)
    if run is not None:
        training_run_finish(run_id=run.pk, status=Status.SKIPPED, message=message)


def training_runs_bury() -> int:
    """Mark runs failed whose process has died without a word; returns how many."""
    dead = TrainingRun.objects.filter(status=Status.RUNNING, heartbeat_at__lt=now() - SILENCE)
    message = "The training process died; nothing of it was kept."
    return dead.update(status=Status.FAILED, message=message, finished_at=now())
