"""Runs one bot in the foreground, with one line of JSON per event."""

import json
import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, ProgrammingError

from accounts.clock import now
from trading.live import plain
from trading.models import Bot
from trading.services import fields
from trading.services.following import Refused
from trading.services.foreground import LAST, bot_run


class Command(BaseCommand):
    help = (
        "Run one bot in the foreground until Ctrl-C or SIGTERM, one JSON line per event; beside a platform, through it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bot-id", required=True, help="Public id or number of the bot.")

    def handle(self, *args: Any, **options: Any) -> None:
        stop, lock = threading.Event(), threading.Lock()
        ended = False  # prices still come while the last parts end: nothing is told after the last line

        def say(event: str, **values: Any) -> None:
            nonlocal ended
            line = {"at": now(), "event": event, **values}
            with lock:
                if ended:
                    return
                ended = event in LAST
                try:
                    self.stdout.write(json.dumps(plain(line)))
                    self.stdout.flush()
                except BrokenPipeError:  # nobody reads any more (`| head`)
                    stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        try:
            bot_run(bot=self._bot(options["bot_id"]), say=say, stop=stop)
        except Refused as error:
            raise CommandError(str(error)) from None
        except (OperationalError, ProgrammingError) as error:
            raise CommandError(
                f"The database ({settings.DATABASES['default']['NAME']}) cannot be used: {error}. Start the platform "
                "first (make run brings it up to date), or set XRAY_VAR_DIR or DATABASE_URL to where the bot is."
            ) from error

    def _bot(self, reference: str) -> Bot:
        rows = Bot.objects.filter(deleted_at=None).select_related("account", "user", "config")
        bot: Bot | None = fields.by_reference(rows, reference)
        if bot is None or bot.config is None:
            known = ", ".join(f"{row.pk} ({row.name})" for row in rows[:20]) or "none yet"
            raise CommandError(f"There is no bot '{reference}'. Bots: {known}.")
        return bot
