"""`python manage.py run_app`: pages, worker, beat and streams in one process (the demo's platform process)."""

import os
import signal
import sys
from contextlib import contextmanager
from typing import Any

import uvicorn
from django.core.management.base import BaseCommand, CommandParser

from xray_site.embedded import Embedded


class _Server(uvicorn.Server):
    """uvicorn, with the signals left to the command: the background parts are stopped before the process ends."""

    @contextmanager
    def capture_signals(self) -> Any:
        """Install no handlers."""
        yield


class Command(BaseCommand):
    help = "Serve the pages with worker, beat and streams as threads of this process (embedded defaults)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000))

    def handle(self, *args: Any, **options: Any) -> None:
        from xray_site.asgi import application

        config = uvicorn.Config(
            application,
            host=options["host"],
            port=options["port"],
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        server, background = _Server(config), Embedded()
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: setattr(server, "should_exit", True))
        background.start()
        server.run()
        background.stop()
        sys.stdout.flush()
        os._exit(0)  # a library's thread that does not end must not hold the process up
