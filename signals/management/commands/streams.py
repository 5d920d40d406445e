"""`python manage.py streams --exchange binance`: the market sockets of one exchange, in the foreground."""

import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
        with ThreadPoolExecutor(1, thread_name_prefix="scan") as pool:
            streams_main(exchange, stop, None if settings.REDIS_URL else self._scanned_here(pool))
        self.stdout.write("Stopped.")

    def _scanned_here(self, pool: ThreadPoolExecutor) -> Callable[[str, str, int], None]:
        """Without Redis no other process can be woken, so this one scans too."""
        from signals.tasks import history_keep, scan_candle

        self.stdout.write("REDIS_URL is not set: scans run in this process.")

        def scan(exchange: str, timeframe: str, candle_open_ms: int) -> None:
            scan_candle.apply((exchange, timeframe, candle_open_ms))
            history_keep.apply((exchange, timeframe))

        def submit(exchange: str, timeframe: str, candle_open_ms: int) -> None:
            pool.submit(scan, exchange, timeframe, candle_open_ms)

        return submit
