"""Limits over all bots of an account, those of the platform, and what all accounts together take of a pair."""

from typing import Any, ClassVar

from django.db import models

from accounts.clock import now
from accounts.fields import ExactDecimalField
from accounts.models import ExchangeAccount
from signals.models import Instrument
from trading.models.bot import OnBreach


class AccountLimits(models.Model):
    """An account's own limits; one without a row has the defaults. Fractions are fractions: 0.15 is 15 %."""

    account = models.OneToOneField(ExchangeAccount, on_delete=models.CASCADE, related_name="limits")
    coin_exposure = ExactDecimalField(default="1", help_text="Of equity in one coin, over all bots; 1: no limit.")
    group_exposure = ExactDecimalField(default="1", help_text="Of equity in coins that move together; 1: no limit.")
    daily_loss = ExactDecimalField(default="0.15", help_text="Of equity at 00:00 UTC, over all bots; 1: no limit.")
    on_breach = models.CharField(max_length=8, choices=OnBreach.choices, default=OnBreach.ENTRIES)
    orders_per_minute = models.PositiveIntegerField(default=120, help_text="0: no limit.")
    counted_from = models.DateTimeField(
        null=True, blank=True, help_text="The owner had the peak and the day's losses counted anew."
    )
    updated_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name_plural = "account limits"

    def __str__(self) -> str:
        return f"Limits of {self.account}"


class PlatformLimits(models.Model):
    """Limits for everybody: one row, edited in the admin; without it the defaults hold."""

    minimum_deposit = ExactDecimalField(default="10", help_text="Equity below it trades nothing, quote currency.")
    quote_age_s = models.PositiveIntegerField(default=60, help_text="No entry on an older price; 1 to 60.")
    capacity_share = ExactDecimalField(
        default="0.01", help_text="Of a pair's 24 h volume that all bots together may take; 1: no limit."
    )

    class Meta:
        verbose_name_plural = "platform limits"

    def __str__(self) -> str:
        return "Limits for everybody"


class PairCapacity(models.Model):
    """What all accounts of a mode together hold of a pair, in hundred millionths of its quote currency."""

    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="+")
    mode = models.CharField(max_length=16, choices=ExchangeAccount.Mode.choices)
    taken = models.BigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "pair capacities"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["instrument", "mode"], name="pair_capacity_once")
        ]

    def __str__(self) -> str:
        return f"{self.instrument} {self.mode}: {self.taken}"


class CapacityHold(models.Model):
    """What one entry took of a pair, until it is denied or its trade is closed."""

    pair = models.ForeignKey(PairCapacity, on_delete=models.CASCADE, related_name="holds")
    intent_id = models.UUIDField(unique=True, help_text="Public id of the intent.")
    units = models.BigIntegerField()
    at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.units} of {self.pair_id}"
