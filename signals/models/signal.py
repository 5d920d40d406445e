"""Strategy versions, scans, signals and their outcomes."""

import uuid
from typing import Any, ClassVar

from django.db import models

from accounts.clock import now
from accounts.fields import ExactDecimalField
from accounts.models import EXCHANGES
from signals.models.custom import CustomStrategy
from signals.models.market import Instrument

SIDES = [("buy", "Buy"), ("sell", "Sell")]


class Strategy(models.Model):
    """One immutable version of a strategy: a registered kind with its parameters. Edits make the next version."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=40, help_text="Registered kind, such as ma_cross, or 'model', or 'aggregate'.")
    parameters = models.JSONField(default=dict, blank=True)
    version = models.PositiveIntegerField(default=1)
    custom = models.ForeignKey(
        CustomStrategy, null=True, blank=True, on_delete=models.PROTECT, related_name="versions",
        help_text="The file it runs, for custom strategies.",
    )  # fmt: skip
    enabled = models.BooleanField(default=True, help_text="Only enabled versions are scanned.")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        verbose_name_plural = "strategies"
        ordering = ("name", "-version")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["name", "version"], name="strategy_version_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class Scan(models.Model):
    """One pass over all selected instruments of an exchange for one closed candle."""

    class Status(models.TextChoices):
        """Where the scan stands."""

        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    exchange = models.CharField(max_length=16, choices=EXCHANGES)
    timeframe = models.CharField(max_length=8)
    candle_open_time = models.DateTimeField()
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.RUNNING)
    backend = models.CharField(max_length=16, default="cpu")
    instruments = models.PositiveIntegerField(default=0)
    late = models.PositiveIntegerField(default=0, help_text="Lanes whose candle had not arrived; scanned alone later.")
    signals = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0, help_text="Made and not emitted: blacklist, cooldown, threshold.")
    fetch_ms = models.FloatField(default=0.0)
    kernel_ms = models.FloatField(default=0.0)
    store_ms = models.FloatField(default=0.0)
    error = models.CharField(max_length=400, blank=True)
    started_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-candle_open_time", "-id")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["exchange", "timeframe", "candle_open_time"], name="scan_once")
        ]

    def __str__(self) -> str:
        return f"{self.exchange} {self.timeframe} {self.candle_open_time:%Y-%m-%d %H:%M}"


class Signal(models.Model):
    """What one strategy version says of one instrument at one closed candle. Immutable."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="signals")
    timeframe = models.CharField(max_length=8)
    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="signals")
    candle_open_time = models.DateTimeField(db_index=True)
    side = models.CharField(max_length=4, choices=SIDES)
    confidence = models.FloatField(help_text="0 to 1.")
    reason = models.CharField(max_length=240)
    close = ExactDecimalField(help_text="Close of the candle, in quote currency.")
    inputs = models.JSONField(default=dict, blank=True, help_text="Indicator values the decision was made from.")
    threshold = models.FloatField(null=True, blank=True, help_text="Confidence that was needed (aggregates, models).")
    votes = models.JSONField(default=list, blank=True, help_text="Of an aggregate: who said what, with which weight.")
    provenance = models.JSONField(
        default=dict, blank=True, help_text="Hash, number and revision of the candles it was made from, and parameters."
    )
    backend = models.CharField(max_length=16, default="cpu")
    created_at = models.DateTimeField(default=now, editable=False, db_index=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["instrument", "timeframe", "strategy", "candle_open_time"], name="signal_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.instrument.symbol} {self.candle_open_time:%Y-%m-%d %H:%M}"


class Outcome(models.Model):
    """What became of a signal that was traded: written when its trade closes, read by learning."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    signal = models.ForeignKey(Signal, null=True, blank=True, on_delete=models.PROTECT, related_name="outcomes")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    strategy = models.ForeignKey(Strategy, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    timeframe = models.CharField(max_length=8)
    trade_id = models.UUIDField(unique=True, help_text="Public id of the closed trade.")
    mode = models.CharField(max_length=16)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(db_index=True)
    return_net = models.FloatField(help_text="PnL after fees over entry cost, a fraction.")
    close_reason = models.CharField(max_length=24)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering = ("-closed_at", "-id")

    def __str__(self) -> str:
        return f"{self.instrument.symbol} {self.return_net:+.4f}"
