"""`python manage.py scan`: what the strategies say of the newest candles of files."""

import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from signals.candles.cleaning import CandlesRefused
from signals.custom.resolve import rules_checked
from signals.domain.strategies import REGISTRY, ParameterError
from signals.domain.timeframes import TIMEFRAMES
from signals.services.scan_files import Loaded, scan_load, scan_paths, scan_tables

PARTLY, USAGE = 1, 2
TIMEFRAME_HELP = "Length of the candles; shorter ones are folded"


class Command(BaseCommand):
    help = "Scan candle files (BASE_QUOTE.parquet or .csv): signals at each symbol's newest candle."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--data", type=Path, required=True, help="A .parquet or .csv file, or a folder of them.")
        parser.add_argument(
            "--timeframe", default="5m", help=f"One of {', '.join(TIMEFRAMES)}; shorter ones are folded."
        )
        parser.add_argument(
            "--strategy", action="append", default=[], help=f"All without it: {', '.join(REGISTRY)}; or custom:NAME."
        )
        parser.add_argument("--param", action="append", default=[], help="name=number, with one --strategy.")
        parser.add_argument("--candles", type=int, default=1, help="How many of the newest candles are decided.")
        parser.add_argument("--json", action="store_true", help="One JSON object a line on standard output.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["timeframe"] not in TIMEFRAMES or options["candles"] < 1:
            known = f"--timeframe is one of {', '.join(TIMEFRAMES)}, --candles at least 1."
            raise CommandError(known, returncode=USAGE)
        try:
            with ExitStack() as processes:
                self._scanned(_rules(options["strategy"], options["param"], processes), options)
        except (CandlesRefused, ParameterError) as problem:
            raise CommandError(str(problem), returncode=USAGE) from None

    def _scanned(self, rules: list[Any], options: dict[str, Any]) -> None:
        began, paths = time.monotonic(), scan_paths(options["data"])
        loaded, refused = self._loaded(paths, options)
        found = 0
        for line in scan_tables(loaded, rules, candles=options["candles"]):
            found += 1
            self.stdout.write(json.dumps(line) if options["json"] else _text(line))
        seconds = time.monotonic() - began
        self.stderr.write(f"{found} signals of {len(loaded)} symbols in {seconds:.1f} s, {refused} files refused.")
        if refused:
            sys.exit(PARTLY)

    def _loaded(self, paths: list[Path], options: dict[str, Any]) -> tuple[list[Loaded], int]:
        """Every file by itself: one that is refused is told and does not stop the others."""
        loaded = []
        for path in paths:
            try:
                loaded.append(scan_load(path, options["timeframe"]))
            except CandlesRefused as problem:
                self.stderr.write(f"{path.name}: {problem}")
                if options["json"]:
                    self.stdout.write(json.dumps({"file": str(path), "error": str(problem)}))
            else:
                if loaded[-1].notice:
                    self.stderr.write(f"{path.name}: {loaded[-1].notice}")
        return loaded, len(paths) - len(loaded)


def _rules(kinds: list[str], given: list[str], processes: ExitStack) -> list[Any]:
    """Strategies with their parameters; a custom one's process ends with `processes`."""
    if given and len(kinds) != 1:
        raise ParameterError("--param goes with exactly one --strategy.")
    try:
        values = {name: float(number) for name, _, number in (text.partition("=") for text in given)}
    except ValueError:
        raise ParameterError("--param is written name=number, such as fast=10.") from None
    chosen = [processes.enter_context(rules_checked(kind)) for kind in kinds] or list(REGISTRY.values())
    return [(strategy, strategy.validate(_whole(values))) for strategy in chosen]


def _whole(values: dict[str, float]) -> dict[str, float]:
    return {name: int(number) if number == int(number) else number for name, number in values.items()}


def _text(line: dict[str, Any]) -> str:
    head = f"{line['candle_open_time'][:16]}  {line['side']:4}  {line['symbol']:14} {line['confidence']:.2f}"
    return f"{head}  {line['reason']}"
