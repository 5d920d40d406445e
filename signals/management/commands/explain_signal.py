"""`python manage.py explain_signal ID`: make a stored signal again from the stored candles and compare."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from signals.selectors import signal_by_id
from signals.services.explain import signal_explain
from signals.services.explain_text import explanation_lines

SAME, DIFFERS, NOT_FOUND = 0, 1, 2


class Command(BaseCommand):
    help = "Make a signal again from the stored candles. Exit code 0: the same bit for bit, 1: not, 2: no such signal."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", help="Public id or number of the signal.")
        parser.add_argument("--json", action="store_true", help="One JSON object and nothing else.")

    def handle(self, *args: Any, **options: Any) -> None:
        signal = signal_by_id(options["id"])
        if signal is None:
            self.stderr.write(f"There is no signal {options['id']!r}. The admin and GET /api/signals list them.")
            raise SystemExit(NOT_FOUND)
        told = signal_explain(signal=signal)
        if options["json"]:
            self.stdout.write(json.dumps(told.as_json()))
        else:
            self.stdout.write("\n".join(explanation_lines(told)))
        raise SystemExit(SAME if told.same else DIFFERS)
