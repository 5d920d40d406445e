"""The stop ladder: who stopped what, how far, and until when."""

import uuid
from typing import Any, ClassVar

from django.db import models

from accounts.clock import now
from accounts.models import User


class StopSwitch(models.Model):
    """A stop in force for a scope. Each level includes the ones above it.

    An owner's stop and an imposed one stand beside each other; the stricter counts.
    """

    class Scope(models.TextChoices):
        """What it stops."""

        PLATFORM = "platform", "Everything"
        EXCHANGE = "exchange", "An exchange"
        STRATEGY = "strategy", "A strategy"
        USER = "user", "A user"
        ACCOUNT = "account", "An account"
        BOT = "bot", "A bot"

    class Level(models.IntegerChoices):
        """How far."""

        NO_NEW_ENTRIES = 1, "No new entries"
        REDUCE_ONLY = 2, "Reduce only"
        FLATTEN = 3, "Flatten"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    scope = models.CharField(max_length=10, choices=Scope.choices)
    target = models.CharField(max_length=64, blank=True, help_text="Exchange name, or the object's public id.")
    level = models.PositiveSmallIntegerField(choices=Level.choices)
    imposed = models.BooleanField(default=False, help_text="Put by staff or the platform: only staff may lift it.")
    reason = models.CharField(max_length=240, blank=True)
    set_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    set_at = models.DateTimeField(default=now)
    cleared_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "stop switches"
        ordering = ("-set_at", "-id")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["scope", "target", "imposed"],
                condition=models.Q(cleared_at=None),
                name="one_stop_in_force_per_scope",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_level_display()} on {self.get_scope_display()} {self.target}".strip()
