"""Runs one bot in the foreground, with one line of JSON per event."""

import json
import signal
import threading
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.clock import now
from trading.live import plain
from trading.models import Bot, Position
from trading.services import fields
from trading.services.bots import bot_start, bot_stop
from trading.services.foreground import Foreground, Refused


class Command(BaseCommand):
    help = "Run one bot in the foreground: streams, scan and execution in this process, one JSON line per event."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bot-id", required=True, help="Public id or number of the bot.")

    def handle(self, *args: Any, **options: Any) -> None:
        bot = self._bot(options["bot_id"])
        stop, lock = threading.Event(), threading.Lock()

        def say(event: str, **values: Any) -> None:
            line = {"at": now(), "event": event, **values}
            with lock:
                self.stdout.write(json.dumps(plain(line)))
                self.stdout.flush()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        started = self._start(bot)
        try:
            say(
                "started",
                bot=bot.name,
                account=str(bot.account),
                config_version=bot.config.version if bot.config else 0,
            )
            Foreground(bot, say, stop).run()
        except Refused as error:
            raise CommandError(str(error)) from None
        finally:
            if started:
                bot_stop(bot=bot, actor=None, reason="The foreground run ended.")
        held = Position.objects.filter(bot=bot, status__in=["opening", "open", "closing"]).count()
        say("stopped", open_positions=held)

    def _bot(self, reference: str) -> Bot:
        rows = Bot.objects.filter(deleted_at=None).select_related("account", "user", "config")
        bot: Bot | None = fields.by_reference(rows, reference)
        if bot is None or bot.config is None:
            known = ", ".join(f"{row.pk} ({row.name})" for row in rows[:20]) or "none yet"
            raise CommandError(f"There is no bot '{reference}'. Bots: {known}.")
        return bot

    def _start(self, bot: Bot) -> bool:
        """Start the bot when it does not run; whether we did (then it is stopped at the end)."""
        if bot.status == Bot.Status.RUNNING:
            return False
        try:
            bot_start(bot=bot, actor=None)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        return True
