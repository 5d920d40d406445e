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
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        self.stdout.write(f"Streaming {', '.join(names)}; Ctrl-C stops.")
        with ThreadPoolExecutor(1, thread_name_prefix="scan") as pool:
            self._stream(names, stop, None if settings.REDIS_URL else self._scanned_here(pool))
        self.stdout.write("Stopped.")

    @staticmethod
    def _stream(names: list[str], stop: threading.Event, wake: Callable[[str, str, int], None] | None) -> None:
        """One thread an exchange, all on this process's one exchange loop."""
        from signals.streams import streams_main

        threads = [threading.Thread(target=streams_main, args=(name, stop, wake)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _scanned_here(self, pool: ThreadPoolExecutor) -> Callable[[str, str, int], None]:
        """Without Redis no other process can be woken, so this one scans too."""
        from signals.tasks import history_keep, scan_candle, xray_follow

        self.stdout.write("REDIS_URL is not set: scans run in this process.")

        def scan(exchange: str, timeframe: str, candle_open_ms: int) -> None:
            scan_candle.apply((exchange, timeframe, candle_open_ms))
            history_keep.apply((exchange, timeframe))
            xray_follow.apply((exchange, timeframe, candle_open_ms))

        def submit(exchange: str, timeframe: str, candle_open_ms: int) -> None:
            pool.submit(scan, exchange, timeframe, candle_open_ms)

        return submit
