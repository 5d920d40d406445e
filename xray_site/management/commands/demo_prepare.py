"""`python manage.py demo_prepare`: everything between a good setting and a running platform, step by step."""

import socket
import time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

WAIT_FOR_OVERRIDE_S = 60.0


class Command(BaseCommand):
    help = "Check the servers, migrate, compile the kernels, reach the exchange, create the demo's users and bots."

    def handle(self, *args: Any, **options: Any) -> None:
        self._redis()
        self._migrate()
        self._say("loading the scan's kernels (about 20 s where set-up has not compiled them)")
        call_command("compile_kernels", verbosity=0)
        for exchange in settings.XRAY_MARKET_EXCHANGES:
            self._reach(exchange)
        call_command("demo_setup")

    def _say(self, text: str) -> None:
        self.stdout.write(f"[demo] {text}")
        self.stdout.flush()

    def _redis(self) -> None:
        if not settings.REDIS_URL:
            return
        import redis

        try:
            redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5).ping()
        except redis.RedisError as error:
            raise CommandError(f"REDIS_URL: the server cannot be reached: {error}") from error

    def _migrate(self) -> None:
        try:
            executor = MigrationExecutor(connection)
            waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        except DatabaseError as error:
            raise CommandError(f"DATABASE_URL: the database cannot be used: {error}") from error
        if waiting:
            self._say(f"preparing the database ({len(waiting)} steps)")
            call_command("migrate", verbosity=0, interactive=False)

    def _reach(self, exchange: str) -> None:
        """Wait for an overridden endpoint; ask a real exchange once, within its time-out."""
        from accounts.exchanges.endpoints import address, endpoints_for

        if endpoints := endpoints_for(exchange):
            self._wait_for(exchange, *address(endpoints.rest))
        else:
            self._ask(exchange)

    def _wait_for(self, exchange: str, host: str, port: int) -> None:
        deadline = time.monotonic() + WAIT_FOR_OVERRIDE_S
        while True:
            try:
                socket.create_connection((host, port), timeout=1).close()
            except OSError as error:
                if time.monotonic() > deadline:
                    raise CommandError(
                        f"XRAY_EXCHANGE_ENDPOINTS: nothing answers for {exchange} at {host}:{port}: {error}"
                    ) from error
                time.sleep(0.1)
            else:
                return

    def _ask(self, exchange: str) -> None:
        from accounts.exchanges import factory, loop
        from accounts.exchanges.errors import ExchangeError, translated

        async def ask() -> None:
            with translated():
                await factory.public_client(exchange).fetch_time()

        self._say(f"asking {exchange} (at most {settings.XRAY_EXCHANGE_TIMEOUT_S:.0f} s)")
        try:
            loop.run(ask(), timeout_s=settings.XRAY_EXCHANGE_TIMEOUT_S)
        except (ExchangeError, TimeoutError, OSError) as error:
            raise CommandError(
                f"{exchange} cannot be reached from here: {error or 'no answer in time'}\n"
                "Trading on paper on a real exchange needs a network. Without one, `make run` brings its own market."
            ) from error
