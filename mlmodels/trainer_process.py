"""The training process as seen by the worker that starts it: one child, watched by a thread, never waited for.

The only program that is started is this project's own `train_model`.
"""

import logging
import os
import subprocess  # nosec B404
import sys
import threading

from django.conf import settings
from django.db import close_old_connections

from mlmodels.models import TrainingRun
from mlmodels.services.training_runs import training_run_finish

log = logging.getLogger(__name__)
TIME_LIMIT_S = 600.0
GRACE_S = 15.0


def trainer_start(run: TrainingRun) -> subprocess.Popen[bytes]:
    """Start `train_model` for a claimed run and watch it from a thread; returns at once.

    Raises OSError, after noting it in the run, when the process cannot be started.
    """
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "train_model", "--run", str(run.pk)]
    command += ["--exchange", run.exchange, "--timeframe", run.timeframe, "--parent", str(os.getpid())]
    environment = os.environ | {"XRAY_DEMO": "0"}  # this process's settings, no demo's
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        # A fixed program, and arguments from the database's own choices.
        child = subprocess.Popen(  # nosec B603
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
    except OSError as error:
        training_run_finish(run_id=run.pk, status=TrainingRun.Status.FAILED, message=f"Could not start: {error}")
        raise
    threading.Thread(target=trainer_watch, args=(child, run.pk), name=f"training-{run.pk}", daemon=True).start()
    return child


def trainer_watch(child: subprocess.Popen[bytes], run_id: int, limit_s: float = TIME_LIMIT_S) -> None:
    """Wait for the child, stop it past its time, and note a run that it left open."""
    message = ""
    try:
        child.wait(limit_s)
    except subprocess.TimeoutExpired:
        message = f"Stopped after {limit_s:.0f} s, its limit. Nothing was kept."
        _stop(child)
    close_old_connections()
    message = message or f"The training process ended with code {child.returncode}; nothing of it was kept."
    try:
        if training_run_finish(run_id=run_id, status=TrainingRun.Status.FAILED, message=message):
            log.warning("training run %s: %s", run_id, message)
    finally:
        close_old_connections()


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
