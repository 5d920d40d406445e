"""The model registry and the training runs that fill it."""

import uuid
from typing import Any, ClassVar

from django.db import models

from accounts.clock import now
from accounts.models import EXCHANGES
from signals.models import Strategy


class ModelVersion(models.Model):
    """One trained model with its out-of-sample report; at most one per exchange and timeframe serves.

    While none serves, the best promising one that did not pass the gate stands in the shadow: its signals are stored
    and shown, so that time can judge them, but no bot trades them.
    """

    class Status(models.TextChoices):
        """Its place in the registry."""

        CANDIDATE = "candidate", "Candidate"
        SHADOW = "shadow", "Shadow"
        CHAMPION = "champion", "Champion"
        RETIRED = "retired", "Retired"
        REFUSED = "refused", "Refused"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80)
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=24, default="lightgbm")
    exchange = models.CharField(max_length=16, choices=EXCHANGES)
    timeframe = models.CharField(max_length=8)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.CANDIDATE)
    status_reason = models.CharField(max_length=400, blank=True)
    strategy = models.OneToOneField(
        Strategy, null=True, blank=True, on_delete=models.PROTECT, help_text="The signal source this version is."
    )
    features = models.JSONField(default=list)
    parameters = models.JSONField(default=dict)
    artifact = models.TextField(blank=True, editable=False, help_text="The model's own text form.")
    artifact_sha256 = models.CharField(max_length=64, blank=True)
    threshold = models.FloatField(default=0.6, help_text="Probability from which it signals.")
    trained_from = models.DateTimeField()
    trained_to = models.DateTimeField()
    rows = models.PositiveIntegerField()
    report = models.JSONField(default=dict, help_text="Out-of-sample, walk-forward.")
    created_at = models.DateTimeField(default=now, editable=False)
    promoted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["name", "version"], name="model_version_once"),
            models.UniqueConstraint(
                fields=["exchange", "timeframe"], condition=models.Q(status="champion"), name="one_champion"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class TrainingRun(models.Model):
    """One attempt to train, also one that ended with 'not enough data'."""

    class Status(models.TextChoices):
        """How it went."""

        RUNNING = "running", "Running"
        DONE = "done", "Done"
        SKIPPED = "skipped", "Skipped"
        FAILED = "failed", "Failed"

    exchange = models.CharField(max_length=16, choices=EXCHANGES)
    timeframe = models.CharField(max_length=8)
    trigger = models.CharField(max_length=24, default="schedule")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.RUNNING)
    message = models.CharField(max_length=400, blank=True)
    progress = models.FloatField(default=0.0, help_text="0 to 1.")
    model = models.ForeignKey(ModelVersion, null=True, blank=True, on_delete=models.SET_NULL, related_name="runs")
    started_at = models.DateTimeField(default=now)
    heartbeat_at = models.DateTimeField(default=now, help_text="Last sign of life of the training process.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-started_at", "-id")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["exchange", "timeframe"], condition=models.Q(status="running"), name="one_training_run"
            )
        ]

    def __str__(self) -> str:
        return f"{self.exchange} {self.timeframe} {self.started_at:%Y-%m-%d %H:%M}"
