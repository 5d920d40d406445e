"""The chain of filters that chooses the symbols to scan, and what is remembered of symbols that fail."""

from typing import Any, ClassVar

from django.db import models

from accounts.clock import now
from accounts.models import EXCHANGES


class SelectionStep(models.Model):
    """One filter of the chain with its parameters; steps run by position, of one exchange or of all."""

    exchange = models.CharField(max_length=16, choices=EXCHANGES, blank=True, help_text="Empty: every exchange.")
    position = models.PositiveIntegerField(default=0, help_text="Steps run from the smallest to the largest.")
    kind = models.CharField(max_length=40, help_text="A registered filter, such as volume.")
    parameters = models.JSONField(default=dict, blank=True)
    enabled = models.BooleanField(default=True)
    made_as = models.CharField(
        max_length=40, null=True, unique=True, editable=False
    )  # once: a step of the default chain
    updated_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering = ("position", "pk")

    def __str__(self) -> str:
        return f"{self.position}. {self.kind}" + (f" ({self.exchange})" if self.exchange else "")


class SymbolTrouble(models.Model):
    """A symbol that fails or is not supported: why, how often, and when it is tried again. Forgotten when well."""

    class Kind(models.TextChoices):
        """What fails."""

        CANDLES = "candles", "Candles cannot be had"
        UNSUPPORTED = "unsupported", "Not supported"

    exchange = models.CharField(max_length=16, choices=EXCHANGES)
    symbol = models.CharField(max_length=128)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    reason = models.CharField(max_length=300)
    count = models.PositiveIntegerField(default=0, help_text="Tries that failed, one after the other.")
    first_seen = models.DateTimeField(default=now)
    last_seen = models.DateTimeField(default=now)
    retry_at = models.DateTimeField(null=True, blank=True, help_text="Left out until then; empty: not left out yet.")

    class Meta:
        ordering = ("-last_seen", "symbol")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["exchange", "symbol", "kind"], name="trouble_once")
        ]

    def __str__(self) -> str:
        return f"{self.symbol} ({self.exchange}): {self.reason}"
