"""Sweeps that are kept: ordered, run on the learning queue or by hand, stopped, stored with their best results."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import transaction

from accounts.clock import now
from accounts.models import User
from signals.custom.resolve import rules_checked
from signals.domain.strategies import Strategy
from signals.sweep.backends import Backend, CpuBackend
from signals.sweep.grid import grid_of, ranges_of
from signals.sweep.rules import Rules
from trading.models import SweepResult, SweepRun
from trading.services.parameter_sweeps import Progress, Say, Sweep, SweepOrder, SweepOutcome, SweepRow

TELL_EVERY_S = 1.0
GONE = timedelta(minutes=10)  # without a word from a running sweep
MOST_RESULTS = 500
MOST_NOTICES = 100


def sweep_order(
    *, strategy: Strategy, params: Sequence[str], source: str, symbols: Sequence[str] = (), rules: Mapping[str, Any],
    top: int = 20, rerun: int = 20,
) -> SweepOrder:  # fmt: skip
    """What a sweep is asked to do, checked. Raises SweepError in words."""
    grid = grid_of(strategy, ranges_of(params, strategy))
    return SweepOrder(grid, Rules(**rules), Path(source), tuple(symbols), top, rerun)


def sweep_run_create(*, order: SweepOrder, params: Sequence[str], actor: User | None = None) -> SweepRun:
    """Store a sweep that waits. `params` are the ranges as they were written."""
    return SweepRun.objects.create(
        strategy=order.grid.strategy.kind,
        params=list(params),
        rules=asdict(order.rules),
        source=str(order.source),
        symbols=list(order.symbols),
        top=order.top,
        rerun=order.rerun,
        skipped=order.grid.skipped,
        started_by=actor,
    )


def sweep_run_enqueue(*, run: SweepRun) -> None:
    """Hand a waiting sweep to the learning queue once it is committed."""
    from trading.tasks import sweep_execute

    transaction.on_commit(lambda: sweep_execute.delay(run.pk))


def sweep_run_stop(*, run: SweepRun) -> str:
    """Ask it to stop, or end one whose process is gone; what was done, in words."""
    waiting = SweepRun.objects.filter(pk=run.pk, status=SweepRun.Status.WAITING)
    if waiting.update(status=SweepRun.Status.STOPPED, finished_at=now()):
        return "It had not begun and will not."
    running = SweepRun.objects.filter(pk=run.pk, status=SweepRun.Status.RUNNING)
    if running.filter(seen_at__lt=now() - GONE).update(
        status=SweepRun.Status.FAILED, error="Its process is gone: it said nothing for ten minutes.", finished_at=now()
    ):
        return "Its process was gone; it was ended."
    return "It stops after what it is at." if running.update(stop_asked=True) else "It has ended already."


def sweep_run_execute(
    *, run_id: int, backend: Backend | None = None, say: Say | None = None, progress: Progress | None = None
) -> SweepOutcome | None:
    """Run a waiting sweep and store what came of it; None when another process has it.

    Raises SweepError, and ParameterError for a custom strategy that is gone or does not do what is asked.
    """
    claimed = SweepRun.objects.filter(pk=run_id, status=SweepRun.Status.WAITING)
    if not claimed.update(status=SweepRun.Status.RUNNING, started_at=now(), seen_at=now()):
        return None
    run = SweepRun.objects.get(pk=run_id)
    watch = _Watch(run, say, progress)
    try:
        with rules_checked(run.strategy) as rules:
            order = sweep_order(
                strategy=rules, params=run.params, source=run.source, symbols=run.symbols, rules=run.rules,
                top=run.top, rerun=run.rerun,
            )  # fmt: skip
            watch.sweep = sweep = Sweep(order, backend or CpuBackend(), say=watch.say, progress=watch.progress)
            outcome = sweep.run()
        _store(run, outcome, sweep.backend.name, watch.notices)
    except BaseException as error:
        _ended(run, SweepRun.Status.FAILED, error=str(error) or type(error).__name__, notices=watch.notices)
        raise
    return outcome


class _Watch:
    """Stores now and then how far a sweep is, and whether it was asked to stop."""

    def __init__(self, run: SweepRun, say: Say | None, progress: Progress | None) -> None:
        self.run, self.also_say, self.also_progress = run, say, progress
        self.notices: list[str] = []
        self.told = 0.0
        self.sweep: Sweep | None = None

    def say(self, text: str) -> None:
        if len(self.notices) < MOST_NOTICES and not text.startswith("engine: "):
            self.notices.append(text)
        if self.also_say is not None:
            self.also_say(text)

    def progress(self, done: int, total: int) -> None:
        if self.also_progress is not None:
            self.also_progress(done, total)
        if time.monotonic() - self.told < TELL_EVERY_S:
            return
        self.told = time.monotonic()
        mine = SweepRun.objects.filter(pk=self.run.pk)
        mine.update(done=done, total=total, seen_at=now())
        if self.sweep is not None and mine.filter(stop_asked=True).exists():
            self.sweep.stop.set()


@transaction.atomic
def _store(run: SweepRun, outcome: SweepOutcome, backend: str, notices: list[str]) -> None:
    rows = outcome.rows[: min(run.top or MOST_RESULTS, MOST_RESULTS)]
    SweepResult.objects.bulk_create(_result(run, rank, row) for rank, row in enumerate(rows, start=1))
    heat = {symbol: heat.as_json() for symbol, heat in outcome.heat.items()}
    status = SweepRun.Status.STOPPED if outcome.stopped else SweepRun.Status.DONE
    _ended(run, status, notices=notices, heat=heat, backend=backend, done=outcome.done, total=outcome.total)


def _ended(run: SweepRun, status: SweepRun.Status, **values: Any) -> None:
    SweepRun.objects.filter(pk=run.pk).update(status=status, finished_at=now(), **values)


def _result(run: SweepRun, rank: int, row: SweepRow) -> SweepResult:
    engine = row.engine
    denied = f"{engine.denied} entries were denied by risk." if engine and engine.denied else ""
    return SweepResult(
        run=run,
        rank=rank,
        symbol=row.symbol,
        params=row.params,
        trades=row.trades,
        open=row.open,
        final_equity=row.final_equity,
        max_drawdown=row.max_drawdown,
        engine_equity=_storable(engine.final_equity) if engine else None,
        engine_trades=engine.trades if engine else None,
        engine_drawdown=float(engine.max_drawdown) if engine else None,
        engine_note=(row.engine_refusal or denied)[:240],
    )


def _storable(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("1e-12"))
