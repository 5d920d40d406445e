"""Sweeps of parameter sets: what was asked, how far it came, a map of it and the best of it."""

import uuid
from typing import Any, ClassVar

from django.db import models

from accounts.clock import now
from accounts.fields import ExactDecimalField
from accounts.models import User


class SweepRun(models.Model):
    """One sweep. Figures are floats: a sweep is an approximation; the engine's figure stands beside each result."""

    class Status(models.TextChoices):
        """Where it is."""

        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        STOPPED = "stopped", "Stopped"
        FAILED = "failed", "Failed"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.WAITING)
    strategy = models.CharField(max_length=40)
    params = models.JSONField(default=list, help_text="Ranges, such as fast=5:50 or slow=20:200:5.")
    rules = models.JSONField(default=dict, help_text="Fee, slippage, stop, take (fractions), fill and start balance.")
    source = models.CharField(max_length=400, help_text="A Parquet file or folder.")
    symbols = models.JSONField(default=list, blank=True)
    top = models.PositiveIntegerField(default=20)
    rerun = models.PositiveIntegerField(default=20, help_text="How many of the best the engine runs again.")
    backend = models.CharField(max_length=40, blank=True)
    total = models.BigIntegerField(default=0, help_text="Parameter sets times symbols.")
    done = models.BigIntegerField(default=0)
    skipped = models.BigIntegerField(default=0, help_text="Combinations that the strategy's own rules forbid.")
    notices = models.JSONField(default=list, blank=True)
    heat = models.JSONField(default=dict, blank=True)
    stop_asked = models.BooleanField(default=False)
    error = models.TextField(blank=True)
    started_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True, help_text="When it last said how far it is.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"{self.strategy} {' '.join(self.params)}"


class SweepResult(models.Model):
    """One of the best parameter sets of a sweep, best first."""

    run = models.ForeignKey(SweepRun, on_delete=models.CASCADE, related_name="results")
    rank = models.PositiveIntegerField()
    symbol = models.CharField(max_length=60)
    params = models.JSONField(default=dict)
    trades = models.PositiveIntegerField()
    open = models.BooleanField(default=False, help_text="A position is held at the end; it is not among the trades.")
    final_equity = models.FloatField()
    max_drawdown = models.FloatField(help_text="A fraction, of equity marked at each close.")
    engine_equity = ExactDecimalField(null=True, blank=True)
    engine_trades = models.PositiveIntegerField(null=True, blank=True)
    engine_drawdown = models.FloatField(null=True, blank=True, help_text="A fraction, realised.")
    engine_note = models.CharField(max_length=240, blank=True)

    class Meta:
        ordering = ("run", "rank")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["run", "rank"], name="one_sweep_result_a_rank")
        ]

    def __str__(self) -> str:
        return f"{self.rank}. {self.symbol} {self.params}"
