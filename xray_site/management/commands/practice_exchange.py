"""`python manage.py practice_exchange`: listed here for `manage.py help`; manage.py starts it without Django."""

import sys
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Serve the practice exchange: the Binance spot protocol over a market of its own."

    def run_from_argv(self, argv: list[str]) -> None:
        """Hand the arguments to the server as they are."""
        from trading.practice.server import main

        sys.exit(main(argv[2:]))

    def handle(self, *args: Any, **options: Any) -> None:
        """Called from code only."""
        from trading.practice.server import main

        main(list(args))
