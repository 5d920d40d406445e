"""The Celery application: queues and routes. Task modules are found in every app's `tasks.py`."""

import os
from typing import Any

from celery import Celery, signals
from kombu import Queue
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xray_site.settings")

TRANSPORT_ALIASES |= dict.fromkeys(("redis", "rediss"), "xray_site.broker:Transport")
app = Celery("xray")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_default_queue = "default"
app.conf.task_queues = [Queue(name) for name in ("default", "scan", "execution", "learning")]
app.conf.task_routes = {
    "signals.tasks.custom_check": {"queue": "default"},  # a check takes seconds; scans must not wait for it
    "signals.tasks.custom_folder_watch": {"queue": "default"},
    "signals.tasks.xray_measure": {"queue": "learning"},  # seconds of arithmetic, once a day
    "signals.tasks.xray_*": {"queue": "default"},  # the X-ray follows a scan and must not delay the next one
    "signals.tasks.*": {"queue": "scan"},
    "mlmodels.tasks.*": {"queue": "learning"},
    "trading.tasks.*": {"queue": "execution"},
    "trading.sweeps.*": {"queue": "learning"},
    "accounts.tasks.account_verify": {"queue": "execution"},
}
app.autodiscover_tasks()


@signals.celeryd_init.connect
def settings_stop(**kwargs: Any) -> None:
    """A worker of its own does not start on wrong settings; beat checks them in its scheduler."""
    from django.core.exceptions import ImproperlyConfigured

    from xray_site.checks import settings_require

    try:
        settings_require()
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from error


@signals.worker_ready.connect
@signals.worker_process_init.connect
def telling_begin(**kwargs: Any) -> None:
    """In a worker of its own, what follows stored trades is done beside the next order, not before it."""
    from django.conf import settings

    from trading import store

    if settings.REDIS_URL:
        store.telling_begin()


@signals.worker_shutdown.connect
@signals.worker_process_shutdown.connect
def telling_end(**kwargs: Any) -> None:
    """Tell what is left."""
    from trading import store

    store.telling_end()
