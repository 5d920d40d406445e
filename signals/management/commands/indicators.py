"""`python manage.py indicators`: compute indicators of candle files into Parquet files."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from signals.domain.indicators import KINDS, Indicator
from signals.domain.indicators.table import catalog_table
from signals.services.indicator_files import FileRefused, candle_files_find, indicators_parse, indicators_write

REFUSED = 2


class Command(BaseCommand):
    help = "Read candles (timestamp, open, high, low, close, volume) from Parquet or CSV, write them with indicators."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--data", type=Path, help="A .parquet or .csv file, or a folder of such files.")
        parser.add_argument("--out", type=Path, help="The .parquet file to write (a folder when --data is one).")
        parser.add_argument("--set", default="all", help="all, or some such as sma:20,rsi:14,macd:12:26:9.")
        parser.add_argument("--list", action="store_true", help="Print the kinds there are, and nothing else.")
        parser.add_argument("--markdown", action="store_true", help="Print them as the tables of docs/indicators.md.")
        parser.add_argument("--json", action="store_true", help="One JSON object a line on standard output.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["markdown"]:
            self.stdout.write(catalog_table())
            return
        if options["list"]:
            self._list(options["json"])
            return
        if options["data"] is None or options["out"] is None:
            raise CommandError("--data and --out are needed (or --list).", returncode=REFUSED)
        try:
            indicators = indicators_parse(options["set"])
            files = candle_files_find(source=options["data"], target=options["out"])
        except ValueError as problem:
            raise CommandError(str(problem), returncode=REFUSED) from None
        self._compute(files, indicators, options["json"])

    def _compute(self, files: list[tuple[Path, Path]], indicators: tuple[Indicator, ...], as_json: bool) -> None:
        """Every file by itself: one that is refused does not stop the others, but the exit code says so."""
        refused = []
        for source, target in files:
            try:
                self._told(source, target, indicators, as_json)
            except FileRefused as problem:
                refused.append(str(problem))
                if as_json:
                    self.stdout.write(json.dumps({"file": str(source), "error": str(problem)}))
        if refused:
            raise CommandError("\n".join(refused), returncode=REFUSED)

    def _told(self, source: Path, target: Path, indicators: tuple[Indicator, ...], as_json: bool) -> None:
        report = indicators_write(source=source, target=target, indicators=indicators)
        if as_json:
            line = {"file": str(source), "out": str(target), "rows": report.rows, "unusable": report.unusable}
            self.stdout.write(json.dumps(line | {"columns": report.columns}))
            return
        unusable = f", {report.unusable} unusable candles" if report.unusable else ""
        self.stdout.write(f"{target}: {report.rows} rows, {len(report.columns)} indicator columns{unusable}")

    def _list(self, as_json: bool) -> None:
        for name, kind in KINDS.items():
            known = Indicator(name, kind.default)
            told = dict(zip(kind.arguments, kind.default, strict=True))
            if as_json:
                row = {"kind": name, "arguments": told, "columns": known.columns, "warm_up": known.warm_ups}
                self.stdout.write(json.dumps(row | {"group": kind.group, "source": kind.source}))
            else:
                written = ":".join((name, *(f"{value:g}" for value in kind.default)))
                self.stdout.write(f"{written:26} {kind.group:11} {', '.join(known.columns)}")
