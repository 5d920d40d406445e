"""Sweep parameters: `manage.py sweep --strategy ma_cross --data DIR --param fast=5:50 --param slow=20:200:5`."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from signals.custom.resolve import rules_checked
from signals.domain.strategies import REGISTRY, ParameterError, Strategy
from signals.sweep.backends import backend_of
from signals.sweep.grid import Grid
from signals.sweep.rules import FILLS, SweepError
from trading.services.parameter_sweeps import Sweep, SweepOutcome, SweepRow
from trading.services.sweep_runs import sweep_order, sweep_run_create, sweep_run_execute

SAY_EVERY_S = 1.0
INTERRUPTED = 130
FRACTIONS = (
    ("fee", 0.001, "Fee of a buy and of a sell, a fraction."),
    ("slippage", 0.0, "What a buy pays more and a sell gets less, a fraction of the price."),
    ("stop", 0.0, "Stop loss, a fraction of the entry price; none without it."),
    ("take", 0.0, "Take profit, a fraction of the entry price; none without it."),
    ("balance", 1000.0, "What each set begins with, in quote currency."),
)


class Command(BaseCommand):
    help = "Try thousands of parameter sets of a strategy on Parquet candles; the best go through the engine again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--data", required=True, type=Path, help="A Parquet file or folder (BASE_QUOTE.parquet).")
        parser.add_argument("--strategy", required=True, help=f"One of: {', '.join(REGISTRY)}, or custom:NAME.")
        parser.add_argument("--symbols", nargs="*", default=[], help="Such as BTC/USDT; all of the folder without it.")
        parser.add_argument(
            "--param", action="append", default=[], help="fast=5:50, slow=20:200:5 or width=1.5,2; others: defaults."
        )
        parser.add_argument("--fill", default="next_open", choices=FILLS, help="Where a signal is filled.")
        parser.add_argument("--top", type=int, default=20, help="How many of the best are shown; 0: all.")
        parser.add_argument("--rerun", type=int, default=20, help="How many of those the engine runs again.")
        parser.add_argument("--backend", default="cpu", help="cpu, or gpu (CUDA).")
        parser.add_argument("--threads", type=int, help="As many as there are cores without it.")
        parser.add_argument("--save", action="store_true", help="Keep it: its map and best sets are in the admin.")
        parser.add_argument("--json", action="store_true", help="One JSON object a line, nothing else on stdout.")
        for name, default, help_text in FRACTIONS:
            parser.add_argument(f"--{name}", type=float, default=default, help=help_text)

    def handle(self, *args: Any, **options: Any) -> None:
        self.said = 0.0
        try:
            with rules_checked(options["strategy"]) as strategy:
                self._swept(strategy, options)
        except (SweepError, ParameterError) as error:
            raise CommandError(str(error)) from error

    def _swept(self, strategy: Strategy, options: dict[str, Any]) -> None:
        """The strategy's process, when it has one, lives as long as this."""
        rules = {name: options[name] for name in ("fee", "slippage", "stop", "take", "fill", "balance")}
        order = sweep_order(
            strategy=strategy, params=options["param"], source=str(options["data"]),
            symbols=options["symbols"], rules=rules, top=_least(options, "top", 0),
            rerun=_least(options, "rerun", 0),
        )  # fmt: skip
        backend = backend_of(options["backend"], threads=_least(options, "threads", 1), say=self._say)
        sweep = Sweep(order, backend, say=self._say, progress=self._progress)
        self._say(_announced(order.grid, len(sweep.files), sweep.backend.name))
        began = time.monotonic()
        outcome = self._saved(sweep, options) if options["save"] else sweep.run()
        self._say(f"{outcome.done:,} of {outcome.total:,} sets in {time.monotonic() - began:.2f} s")
        self._print(outcome, options)

    def _saved(self, sweep: Sweep, options: dict[str, Any]) -> SweepOutcome:
        run = sweep_run_create(order=sweep.order, params=options["param"])
        outcome = sweep_run_execute(run_id=run.pk, backend=sweep.backend, say=self._say, progress=self._progress)
        self._say(f"kept as sweep {run.pk} in the admin")
        assert outcome is not None  # nobody else knows of it
        return outcome

    def _say(self, text: str) -> None:
        self.stderr.write(text, self.style.NOTICE if sys.stderr.isatty() else None)

    def _progress(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self.said >= SAY_EVERY_S:
            self.said = now
            self._say(f"{done:,} of {total:,} sets ({100 * done // max(total, 1)} %)")

    def _print(self, outcome: SweepOutcome, options: dict[str, Any]) -> None:
        if not options["json"]:
            self.stdout.write(table_text(outcome.rows))
        else:
            for row in outcome.rows:
                self.stdout.write(json.dumps(row.as_json()))
        if outcome.stopped:
            raise SystemExit(INTERRUPTED)
        if not outcome.rows:
            raise CommandError("No symbol could be swept; the reasons stand above.")


def _least(options: dict[str, Any], name: str, least: int) -> Any:
    value = options[name]
    if value is not None and value < least:
        raise SweepError(f"--{name} must be at least {least}, not {value}.")
    return value


def _announced(grid: Grid, files: int, backend: str) -> str:
    skipped = f"; {grid.skipped:,} combinations are left out ({grid.refusal})" if grid.skipped else ""
    return f"{len(grid):,} parameter sets x {files:,} symbols on the {backend}{skipped}"


def table_text(rows: list[SweepRow]) -> str:
    """The best sets with the sweep's figures and the engine's beside them."""
    lines = [f"{'symbol':<14}{'parameters':<30}{'trades':>7}{'equity':>14}{'drawdown':>10}{'engine':>14}{'trades':>7}"]
    for row in rows:
        params = " ".join(f"{name}={value:g}" for name, value in row.params.items())
        engine = f"{row.engine.final_equity:>14,.2f}{row.engine.trades:>7}" if row.engine else f"{'-':>14}{'-':>7}"
        figures = f"{row.trades:>7}{row.final_equity:>14,.2f}{100 * row.max_drawdown:>8.2f} %"
        lines.append(f"{row.symbol:<14}{params:<30}{figures}{engine}")
    return "\n".join(lines)
