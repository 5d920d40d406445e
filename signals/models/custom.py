"""Files of custom strategies, one row a content: what staff know of it and whether it may run."""

import uuid
from typing import Any, ClassVar

from django.db import models

from accounts.clock import now


class CustomStrategy(models.Model):
    """One immutable version of a strategy's file. Another content is another row; the old text is kept here."""

    class Status(models.TextChoices):
        """Where the version stands. Only staff enable it."""

        OFFERED = "offered", "Offered"
        CHECKED = "checked", "Checked"
        REFUSED = "refused", "Refused"
        ENABLED = "enabled", "Enabled"
        PAUSED = "paused", "Paused after failures"
        DISABLED = "disabled", "Disabled"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=32, help_text="The strategy's kind as the file says; the file's name before.")
    file = models.CharField(max_length=120, help_text="Name of the file it came from.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the content.")
    source = models.TextField(help_text="The content; it never changes.")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OFFERED)
    follow = models.BooleanField(
        default=False, help_text="A changed file takes its place as soon as it passes the check."
    )
    report = models.JSONField(default=dict, blank=True, help_text="What the last check found.")
    failures = models.PositiveIntegerField(default=0, help_text="Scans in a row that it failed.")
    last_error = models.CharField(max_length=600, blank=True)
    uploaded_by_id = models.BigIntegerField(null=True, blank=True, help_text="User id; none: found in the folder.")
    created_at = models.DateTimeField(default=now, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True)
    enabled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "custom strategies"
        ordering = ("name", "-created_at", "-id")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["file", "digest"], name="custom_strategy_content_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.file}, {self.digest[:8]})"

    @property
    def kind(self) -> str:
        """The kind of the strategy versions that run it."""
        return f"custom:{self.name}"
