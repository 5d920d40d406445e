"""The training process from outside: started, stopped, killed."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from mlmodels.services.training_runs import training_run_start
from mlmodels.trainer_process import trainer_watch
from signals.candles.files import hot_path
from tests.mlmodels.conftest import EXCHANGE, TIMEFRAME
from tests.mlmodels.markets import planted

ROOT = Path(__file__).resolve().parents[2]
SLOWED = """
import os, sys, time
import mlmodels.pipeline as pipeline
import mlmodels.training as training
real = pipeline.pipeline_run
def slow(data, *, tick):
    def tick_and_tell(share):
        tick(share)
        print("tick", flush=True)
        time.sleep(0.05)
    return real(data, tick=tick_and_tell)
training.pipeline_run = slow
"""


def child(code, *arguments):
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)


@pytest.mark.django_db(transaction=True)
def test_a_child_that_dies_leaves_a_failed_run():
    run = training_run_start(exchange=EXCHANGE, timeframe=TIMEFRAME, trigger="manual")
    trainer_watch(child("import os; os._exit(3)"), run.pk)
    run.refresh_from_db()
    assert (run.status, run.message) == (
        "failed",
        "The training process ended with code 3; nothing of it was kept.",
    )


@pytest.mark.django_db(transaction=True)
def test_a_child_past_its_time_is_stopped():
    run = training_run_start(exchange=EXCHANGE, timeframe=TIMEFRAME, trigger="manual")
    process = child("import time; time.sleep(600)")
    trainer_watch(process, run.pk, limit_s=0.2)
    run.refresh_from_db()
    assert process.returncode == -signal.SIGTERM
    assert "its limit" in run.message


class Platform:
    """A database and a candle store of their own, and the real command over them."""

    def __init__(self, folder):
        self.database = folder / "xray.sqlite3"
        self.environment = os.environ | {"XRAY_VAR_DIR": str(folder), "DATABASE_URL": "", "REDIS_URL": ""}
        self.environment |= {"XRAY_SQLITE": str(self.database), "XRAY_READ_DOTENV": "0"}

    def start(self, prefix=""):
        code = f"""
import django; django.setup()
{prefix}
from django.core.management import call_command
call_command("train_model", "--exchange", "{EXCHANGE}", "--timeframe", "{TIMEFRAME}")
"""
        environment = self.environment | {"DJANGO_SETTINGS_MODULE": "xray_site.settings"}
        return subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def rows(self, statement):
        with sqlite3.connect(self.database) as connection:
            return connection.execute(statement).fetchall()


@pytest.fixture
def platform(transactional_db, store, tmp_path):
    """The test database copied to a file, so that other processes can open it."""
    from django.db import connection

    store(planted(11))
    assert hot_path(EXCHANGE, TIMEFRAME).is_relative_to(tmp_path)
    if connection.vendor != "sqlite":
        pytest.skip("The process test copies an SQLite database.")
    made = Platform(tmp_path)
    with sqlite3.connect(made.database) as copy:
        connection.connection.backup(copy)
    return made


RUNS = "SELECT status, message FROM mlmodels_trainingrun ORDER BY id"
MODELS = "SELECT status FROM mlmodels_modelversion"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_stopped_killed_and_run_again(platform):
    stopped = platform.start(SLOWED)
    assert stopped.stdout.readline() == "tick\n"
    stopped.send_signal(signal.SIGTERM)
    _, words = stopped.communicate(timeout=120)
    assert stopped.returncode != 0
    assert "SIGTERM received" in words
    assert platform.rows(RUNS) == [("failed", "Stopped: SIGTERM received. Nothing was kept.")]

    killed = platform.start(SLOWED)
    assert killed.stdout.readline() == "tick\n"
    killed.kill()
    killed.communicate(timeout=120)
    assert platform.rows(RUNS)[1] == ("running", "")
    assert platform.rows(MODELS) == []

    with sqlite3.connect(platform.database) as connection:
        connection.execute("UPDATE mlmodels_trainingrun SET status = 'failed' WHERE status = 'running'")
    whole = platform.start()
    said, words = whole.communicate(timeout=240)
    assert whole.returncode == 0, words
    assert said.startswith("Done: model binance 1m v1: promoted.")
    assert platform.rows(MODELS) == [("champion",)]
