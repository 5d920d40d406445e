"""Answers of exchanges that nobody could act on."""

import uuid
from decimal import Decimal
from typing import Any, ClassVar

from django.db import models

from accounts.fields import ExactDecimalField
from accounts.models import ExchangeAccount, User
from trading.domain.money import exact
from trading.domain.odd_answers import ADVICE_FEE, ADVICE_IMPOSSIBLE, ADVICE_UNREADABLE


class OddFee(models.Model):
    """A trade whose fee is above a tenth of it: booked only once its owner or staff say that it was really taken."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="odd_fees")
    symbol = models.CharField(max_length=32)
    trade_id = models.CharField(max_length=64)
    side = models.CharField(max_length=4, blank=True)
    price = ExactDecimalField(help_text="Quote currency.")
    amount = ExactDecimalField(help_text="Base currency.")
    fee = ExactDecimalField()
    currency = models.CharField(max_length=16, help_text="Of the fee: the pair's base or quote.")
    seen_at = models.DateTimeField()
    pause_reason = models.CharField(max_length=400, blank=True, help_text="What the account was paused with for it.")
    accepted_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    accepted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-seen_at", "-id"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["account", "symbol", "trade_id", "fee", "currency"], name="odd_fee_once")
        ]

    def __str__(self) -> str:
        return f"{self.fee} {self.currency} of trade {self.trade_id} in {self.symbol}"

    @property
    @exact
    def share(self) -> Decimal:
        """Of the trade, a fraction."""
        whole = self.amount if self.currency == self.symbol.partition("/")[0] else self.value
        return Decimal(self.fee / whole)

    @property
    @exact
    def value(self) -> Decimal:
        """What was traded, in quote currency."""
        return Decimal(self.price * self.amount)


class QuarantinedAnswer(models.Model):
    """One odd answer, kept for whoever must find out; the same again within the hour only counts."""

    class Kind(models.TextChoices):
        """What is wrong with it."""

        UNREADABLE = "unreadable", "Could not be read"
        IMPOSSIBLE = "impossible", "Cannot be"

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="odd_answers")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    about = models.CharField(max_length=120, help_text="What was asked.")
    text = models.CharField(max_length=240, help_text="What is wrong with the answer.")
    raw = models.TextField(blank=True, help_text="The answer, without secrets, shortened.")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1)
    fee = models.ForeignKey(
        OddFee, on_delete=models.SET_NULL, null=True, blank=True, related_name="answers", help_text="All that is wrong."
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["-last_at", "-id"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["account", "last_at"])]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.about}: {self.text}"

    @property
    def advice(self) -> str:
        """What follows, and what its owner can do."""
        if self.fee_id:
            return ADVICE_FEE
        return ADVICE_IMPOSSIBLE if self.kind == self.Kind.IMPOSSIBLE else ADVICE_UNREADABLE
