"""What a program has asked for under a key of its own."""

from django.db import models

from accounts.clock import now
from accounts.models import User
from trading.models.order import Intent


class RequestKey(models.Model):
    """One `Idempotency-Key` of a user, what was asked with it, and the intent that came of it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=64)
    asked = models.CharField(max_length=64, help_text="Hash of the path and the body.")
    intent = models.ForeignKey(Intent, null=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=now, db_index=True)

    class Meta:
        ordering = ("-id",)
        constraints = (models.UniqueConstraint(fields=["user", "key"], name="request_key_once_per_user"),)

    def __str__(self) -> str:
        return f"{self.key} of {self.user}"
