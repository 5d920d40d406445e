"""When to train: the first time as soon as there is enough, then by time with new candles, or by closed trades."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

from accounts.clock import now
from mlmodels.library import LibraryMissing, library_load
from mlmodels.models import TrainingRun
from mlmodels.selectors import candles_scanned_since, candles_stored, outcomes_of
from mlmodels.services.training_runs import training_run_skip, training_run_start, training_runs_bury
from mlmodels.training import CANDLES_NEEDED

OUTCOMES_NEEDED = 10
"""Closed trades since the last run from which learning looks again before its time."""
CANDLES_NEW = 5
RETRY_FAILED_S = 120
Status = TrainingRun.Status


@dataclass(frozen=True)
class Due:
    """Whether to train now: the trigger's name, or why not."""

    trigger: str = ""
    skip: str = ""


def training_due(*, exchange: str, timeframe: str) -> Due:
    """Decide for one exchange and timeframe. `skip` is set when training is due but not possible.

    Rules: the first model as soon as the candles suffice; afterwards every XRAY_TRAIN_EVERY_S
    when at least `CANDLES_NEW` candles have come since, or after half of that time when `OUTCOMES_NEEDED` trades have
    closed since; a failed run is tried again after `RETRY_FAILED_S`.
    """
    last = _last_real_run(exchange, timeframe)
    trigger = _trigger(exchange, timeframe, last)
    if not trigger:
        return Due()
    return Due(trigger, _obstacle(exchange, timeframe))


def _last_real_run(exchange: str, timeframe: str) -> TrainingRun | None:
    runs = TrainingRun.objects.filter(exchange=exchange, timeframe=timeframe).exclude(status=Status.SKIPPED)
    return runs.first()


def _trigger(exchange: str, timeframe: str, last: TrainingRun | None) -> str:
    if last is None:
        return "first"
    every, age = timedelta(seconds=settings.XRAY_TRAIN_EVERY_S), now() - last.started_at
    if last.status == Status.FAILED:
        return "retry" if age >= min(every, timedelta(seconds=RETRY_FAILED_S)) else ""
    if age >= every and candles_scanned_since(exchange, timeframe, last.started_at) >= CANDLES_NEW:
        return "schedule"
    closed = outcomes_of(exchange, timeframe).filter(created_at__gt=last.started_at)
    return "outcomes" if age >= every / 2 and closed.count() >= OUTCOMES_NEEDED else ""


def _obstacle(exchange: str, timeframe: str) -> str:
    """Why training is not possible now, in words; empty when it is."""
    try:
        library_load()
    except LibraryMissing as error:
        return str(error)
    candles = candles_stored(exchange, timeframe)
    if candles >= CANDLES_NEEDED:
        return ""
    return f"Not enough data: {candles} candles are stored, {CANDLES_NEEDED} are needed."


def training_claim(*, exchange: str, timeframe: str) -> TrainingRun | None:
    """Claim a run when one is due and possible; otherwise note what is missing and return None.

    Only one training runs at a time on the whole platform.
    """
    training_runs_bury()
    if TrainingRun.objects.filter(status=Status.RUNNING).exists():
        return None
    due = training_due(exchange=exchange, timeframe=timeframe)
    if not due.trigger:
        return None
    if due.skip:
        training_run_skip(exchange=exchange, timeframe=timeframe, trigger=due.trigger, message=due.skip)
        return None
    return training_run_start(exchange=exchange, timeframe=timeframe, trigger=due.trigger)
