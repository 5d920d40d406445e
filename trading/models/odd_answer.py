"""Answers of exchanges that nobody could act on."""

from typing import ClassVar

from django.db import models

from accounts.models import ExchangeAccount
from trading.domain.odd_answers import ADVICE_IMPOSSIBLE, ADVICE_UNREADABLE


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

    class Meta:
        ordering: ClassVar[list[str]] = ["-last_at", "-id"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["account", "last_at"])]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.about}: {self.text}"

    @property
    def advice(self) -> str:
        """What follows, and what its owner can do."""
        return ADVICE_IMPOSSIBLE if self.kind == self.Kind.IMPOSSIBLE else ADVICE_UNREADABLE
