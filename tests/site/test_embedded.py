"""Worker and beat as threads, and the beat table."""

import threading

import pytest
from django_celery_beat.models import PeriodicTask

from xray_site.beat import TABLE, XrayScheduler, schedule_install
from xray_site.celery import app
from xray_site.embedded import _beat_make, _worker_make, streams_keep

pytestmark = pytest.mark.django_db(transaction=True)  # beat and worker close connections


def test_every_row_of_the_beat_table_is_a_task_that_exists():
    app.loader.import_default_modules()
    assert {entry.task for entry in TABLE} <= set(app.tasks)


def test_rows_are_made_once_and_edits_of_staff_stay():
    assert schedule_install() == len(TABLE)
    PeriodicTask.objects.filter(name=TABLE[0].name).update(enabled=False)
    assert schedule_install() == 0
    assert not PeriodicTask.objects.get(name=TABLE[0].name).enabled


def test_the_embedded_beat_uses_our_table():
    service = _beat_make().service
    assert isinstance(service.scheduler, XrayScheduler)
    assert {entry.name for entry in TABLE} <= set(service.scheduler.schedule)


@pytest.mark.embedded
def test_the_embedded_worker_takes_tasks_of_every_queue():
    done = {name: threading.Event() for name in ("default", "scan", "execution", "learning")}

    @app.task(name="tests.mark", shared=False)
    def mark(queue: str) -> None:
        done[queue].set()

    worker = _worker_make()
    thread = threading.Thread(target=worker.start, daemon=True)
    thread.start()
    try:
        for queue in done:
            mark.apply_async((queue,), queue=queue)
        assert all(event.wait(20) for event in done.values())
    finally:
        worker.stop()
        thread.join(20)
        app.tasks.unregister("tests.mark")


def test_streams_that_fail_are_started_again_until_the_end(monkeypatch):
    stop, calls = threading.Event(), []

    def fail(exchange: str, event: threading.Event) -> None:
        calls.append(exchange)
        if len(calls) == 2:
            event.set()
        raise RuntimeError("broken")

    monkeypatch.setattr("signals.streams.streams_main", fail)
    monkeypatch.setattr("xray_site.embedded.RETRY_AFTER_S", 0.01)
    streams_keep("binance", stop)
    assert calls == ["binance", "binance"]
