"""`python manage.py streams --exchange binance`: the market sockets of one exchange, in the foreground."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Stream one exchange until stopped (Ctrl-C or SIGTERM): quotes, candle closes, scans woken."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--exchange", default=settings.XRAY_MARKET_EXCHANGES[0], help="Whose markets.")

    def handle(self, *args: Any, **options: Any) -> None:
        exchange = options["exchange"]
        if exchange not in settings.XRAY_EXCHANGES:
            raise CommandError(f"Unknown exchange {exchange!r}. Allowed: {', '.join(settings.XRAY_EXCHANGES)}.")
        from signals.streams import streams_main

        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        self.stdout.write(f"Streaming {exchange}; Ctrl-C stops.")
        streams_main(exchange, stop)
        self.stdout.write("Stopped.")
