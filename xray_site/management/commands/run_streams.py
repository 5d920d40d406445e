"""`python manage.py run_streams`: the market streams of every market exchange (the `streams` line of the Procfile)."""

import signal
import threading
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from xray_site.embedded import streams_keep


class Command(BaseCommand):
    help = "Hold the market sockets of XRAY_MARKET_EXCHANGES and decide candle closes, until SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        asked: list[int] = []
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda number, _: asked.append(number))
        stop = threading.Event()
        threads = [
            threading.Thread(name=f"streams-{exchange}", target=streams_keep, args=(exchange, stop))
            for exchange in settings.XRAY_MARKET_EXCHANGES
        ]
        for thread in threads:
            thread.start()
        while not asked:
            time.sleep(0.2)
        stop.set()
        for thread in threads:
            thread.join(10)
