"""`python manage.py streams`: the market sockets of every market exchange (or of one), in the foreground."""

import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Stream XRAY_MARKET_EXCHANGES until stopped (Ctrl-C or SIGTERM): quotes, candle closes, scans woken."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--exchange", help="Only this one.")

    def handle(self, *args: Any, **options: Any) -> None:
        names = [options["exchange"]] if options["exchange"] else list(settings.XRAY_MARKET_EXCHANGES)
        if unknown := [name for name in names if name not in settings.XRAY_EXCHANGES]:
            raise CommandError(f"Unknown exchange {unknown[0]!r}. Allowed: {', '.join(settings.XRAY_EXCHANGES)}.")
        from signals.streams import streams_main

        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        self.stdout.write(f"Streaming {', '.join(names)}; Ctrl-C stops.")
        threads = [threading.Thread(target=streams_main, args=(name, stop)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.stdout.write("Stopped.")
