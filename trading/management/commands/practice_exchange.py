"""Starts the practice exchange; ``manage.py`` calls the same function without loading Django, to stay small."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from trading.practice.server import main


class Command(BaseCommand):
    help = "Run a Binance spot exchange to practise on (arguments: python -m trading.practice.server --help)"

    def run_from_argv(self, argv: list[str]) -> None:
        sys.exit(main(argv[2:]))

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("arguments", nargs="*")

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(main([str(argument) for argument in options["arguments"]]))
