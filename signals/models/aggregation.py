"""What the aggregate has learned and is told: weights of sources, blacklists, and signals that were refused."""

import uuid
from typing import Any, ClassVar

from django.db import models

from accounts.clock import now
from accounts.models import EXCHANGES, User
from signals.models.market import Instrument
from signals.models.signal import SIDES, Strategy


class SourceWeight(models.Model):
    """How much a strategy's or a model's votes count at one exchange and timeframe, learned from closed trades."""

    name = models.CharField(max_length=80, help_text="Name of the strategy or model; all its versions together.")
    exchange = models.CharField(max_length=16, choices=EXCHANGES)
    timeframe = models.CharField(max_length=8)
    weight = models.FloatField(default=1.0, help_text="1 is neutral.")
    low = models.FloatField(default=0.5, help_text="Learning never goes below.")
    high = models.FloatField(default=1.5, help_text="Learning never goes above.")
    samples = models.PositiveIntegerField(default=0, help_text="Closed trades it was learned from.")
    mean_return = models.FloatField(default=0.0, help_text="Net, a fraction; shrunk towards 0 while samples are few.")
    win_rate = models.FloatField(default=0.0, help_text="0 to 1.")
    locked = models.BooleanField(default=False, help_text="Learning leaves the weight as it is.")
    updated_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("exchange", "timeframe", "name")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["name", "exchange", "timeframe"], name="source_weight_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} on {self.exchange} {self.timeframe}: {self.weight:.2f}"


class Blacklist(models.Model):
    """What must not be entered: a symbol, a kind of signal, for one user or for all, in any combination.

    Entries are refused, exits never are. What is left empty matches everything; at least one of the three is set.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    exchange = models.CharField(max_length=16, choices=EXCHANGES, blank=True, help_text="Empty: every exchange.")
    symbol = models.CharField(max_length=32, blank=True, help_text="Such as BTC/USDT; empty: every symbol.")
    kind = models.CharField(max_length=40, blank=True, help_text="Of a strategy, such as ma_cross; empty: every one.")
    user = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.CASCADE, related_name="+", help_text="Empty: for everybody."
    )
    reason = models.CharField(max_length=200)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: until it is lifted.")
    lifted_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(User, null=True, editable=False, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        verbose_name_plural = "blacklist"
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        parts = [self.symbol, self.kind, str(self.user or ""), self.exchange]
        return " + ".join(part for part in parts if part)


class RefusedSignal(models.Model):
    """A signal that was made and not emitted, and why."""

    class Rule(models.TextChoices):
        """What refused it."""

        BLACKLIST = "blacklist", "Blacklist"
        COOLDOWN = "cooldown", "Cooldown"
        THRESHOLD = "threshold", "Threshold"

    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="+")
    timeframe = models.CharField(max_length=8)
    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="+")
    candle_open_time = models.DateTimeField(db_index=True)
    side = models.CharField(max_length=4, choices=SIDES)
    confidence = models.FloatField(help_text="0 to 1.")
    rule = models.CharField(max_length=12, choices=Rule.choices)
    reason = models.CharField(max_length=400)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering = ("-candle_open_time", "-id")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["instrument", "timeframe", "strategy", "candle_open_time"], name="refused_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.instrument.symbol} {self.candle_open_time:%Y-%m-%d %H:%M}: {self.rule}"
