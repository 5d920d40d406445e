"""What comparisons of an account with its exchange have found."""

from typing import ClassVar

from django.db import models

from accounts.clock import now
from accounts.models import ExchangeAccount


class AccountCheck(models.Model):
    """One comparison that found something (one that finds nothing only moves the account's `last_checked_at`)."""

    class Outcome(models.TextChoices):
        """What followed."""

        REPAIRED = "repaired", "Taken over"
        SHOWN = "shown", "Shown"
        PAUSED = "paused", "Account paused"

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="checks")
    at = models.DateTimeField(help_text="When the exchange was asked.")
    reason = models.CharField(max_length=120, blank=True, help_text="Why it was compared.")
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    findings = models.JSONField(default=list, help_text="Each with its kind (trading.domain.findings) and its words.")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["-at", "-id"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["account", "at"])]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.outcome} at {self.at:%Y-%m-%d %H:%M:%S}"
