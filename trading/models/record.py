"""What decisions saw, in order, and the orders that risk denied."""

import uuid
from typing import Any, ClassVar

from django.db import models

from accounts.clock import now
from accounts.models import ExchangeAccount
from trading.models.bot import Bot
from trading.models.order import Intent


class DecisionRecord(models.Model):
    """One input of one account's engine, in the order it was taken: replaying them gives the same orders."""

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="records")
    sequence = models.BigIntegerField()
    kind = models.CharField(max_length=24)
    payload = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        ordering = ("account", "sequence")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["account", "sequence"], name="record_sequence_once")
        ]

    def __str__(self) -> str:
        return f"{self.account_id}#{self.sequence} {self.kind}"


class RiskEvent(models.Model):
    """A risk rule refused an entry, or came into force while the bot ran; with the numbers it saw."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    bot = models.ForeignKey(Bot, on_delete=models.CASCADE, related_name="risk_events")
    intent = models.ForeignKey(Intent, null=True, blank=True, on_delete=models.CASCADE, related_name="risk_events")
    rule = models.CharField(max_length=40)
    level = models.PositiveSmallIntegerField(
        default=0, help_text="Of a running rule: the rung it stopped the bot at; 0: an entry was refused."
    )
    reason = models.CharField(max_length=240)
    snapshot = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=now, editable=False, db_index=True)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"{self.rule}: {self.reason}"
