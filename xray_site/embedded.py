"""Worker, beat and streams as threads of the web process: the one-process demo on the memory broker."""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connections

from accounts.opening import opening_allow

log = logging.getLogger("xray_site.embedded")
CONCURRENCY = 6
RETRY_AFTER_S = 5.0


class Embedded:
    """The background parts of one process; `start` once, `stop` once."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._worker: Any = None
        self._beat: Any = None

    def start(self) -> None:
        """Start the worker (all queues), beat, and one streams thread per market exchange."""
        opening_allow()
        self._worker = _worker_make()
        self._spawn("worker", self._worker.start)
        self._beat = _beat_make()
        self._beat.start()
        for exchange in settings.XRAY_MARKET_EXCHANGES:
            self._spawn(f"streams-{exchange}", partial(streams_keep, exchange, self._stop))

    def _spawn(self, name: str, target: Callable[[], Any]) -> None:
        thread = threading.Thread(name=name, target=target, daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self, timeout_s: float = 2.5) -> None:
        """Ask all parts to end and wait for them, no longer than the time-out in all.

        What is cut off then is found again at the next start: the intent table is the queue.
        """
        deadline = time.monotonic() + timeout_s
        self._stop.set()
        stopper = threading.Thread(target=self._stop_celery, daemon=True)
        stopper.start()
        for thread in [*self._threads, stopper]:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _stop_celery(self) -> None:
        self._beat.service.stop(wait=False)
        self._worker.stop(in_sighandler=False)


def streams_keep(exchange: str, stop: threading.Event) -> None:
    """Run the streams of one exchange until `stop`; start them again when they fail: the rest goes on."""
    from signals.streams import streams_main

    while not stop.is_set():
        try:
            streams_main(exchange, stop)
        except Exception:
            log.exception("streams of %s failed; again in %.0f s", exchange, RETRY_AFTER_S)
        finally:
            connections.close_all()
        stop.wait(RETRY_AFTER_S)


def _worker_make() -> Any:
    from xray_site.celery import app

    app.loader.import_default_modules()
    return app.WorkController(
        hostname="embedded@localhost",
        pool_cls="threads",
        concurrency=CONCURRENCY,
        without_heartbeat=True,
        without_mingle=True,
        without_gossip=True,
        send_events=False,
        loglevel="WARNING",
    )


def _beat_make() -> Any:
    from celery.beat import EmbeddedService

    from xray_site.celery import app

    return EmbeddedService(app, thread=True, scheduler_cls=app.conf.beat_scheduler)
