"""Train one model now, in this process, at low priority."""

import os
import signal
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

NICENESS = 15
EXIT_STOPPED = 3


class Command(BaseCommand):
    help = "Trains a model from the stored candles, registers it, and promotes it if it is better. Ctrl-C stops it."
    requires_system_checks: list[str] = []  # they import every page and endpoint: 30 MB that training has no use for

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--exchange", required=True, choices=settings.XRAY_EXCHANGES)
        parser.add_argument("--timeframe", required=True)
        parser.add_argument("--trigger", default="manual", help="Why: schedule, outcomes, first or manual.")
        parser.add_argument("--run", type=int, help="A run that was claimed for this process.")
        parser.add_argument("--parent", type=int, help="Stop when this process is no longer the parent.")

    def handle(self, *args: Any, **options: Any) -> None:
        from mlmodels.models import TrainingRun
        from mlmodels.services.training_runs import training_run_start
        from mlmodels.training import TrainingStopped, training_execute

        os.nice(NICENESS)
        if options["run"]:
            run = TrainingRun.objects.filter(pk=options["run"], status=TrainingRun.Status.RUNNING).first()
        else:
            names = {name: options[name] for name in ("exchange", "timeframe", "trigger")}
            run = training_run_start(**names)
        if run is None:
            raise CommandError("Another training run of this exchange and timeframe is running, or this one is over.")
        try:
            training_execute(run=run, tick=self._tick(run, options["parent"]))
        except TrainingStopped as error:
            if options["parent"]:
                sys.exit(EXIT_STOPPED)  # the platform reads the run; on Ctrl-C its console stays clean
            raise CommandError(f"Stopped: {error}") from error
        run.refresh_from_db()
        self.stdout.write(f"{run.get_status_display()}: {run.message}")

    def _tick(self, run: Any, parent: int | None) -> Any:
        """Progress to the run; SIGTERM, SIGINT or a lost parent stop it at the next tick.

        The handler only notes the signal: an exception thrown into LightGBM's callbacks would be swallowed there.
        """
        from mlmodels.training import TrainingStopped, progress_note

        heard: list[str] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda caught, _: heard.append(signal.Signals(caught).name))
        note = progress_note(run)

        def tick(share: float) -> None:
            if heard:
                raise TrainingStopped(f"{heard[0]} received.")
            if parent is not None and os.getppid() != parent:
                raise TrainingStopped("the platform that had started it is gone.")
            note(share)

        return tick
