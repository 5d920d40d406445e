"""Users, exchange accounts (ciphertext only), the audit trail and notices."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models

from accounts.clock import now
from accounts.fields import ExactDecimalField

EXCHANGES = [("binance", "Binance"), ("bybit", "Bybit"), ("kucoin", "KuCoin"), ("mexc", "MEXC"), ("okx", "OKX")]


class UserManager(BaseUserManager["User"]):
    """Creates users by email."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A trader unless `role` says otherwise."""
        if not email:
            raise ValueError("An email address is needed.")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A staff user who may do everything in the admin."""
        return self.create_user(email, password, **{"role": "staff", "is_staff": True, "is_superuser": True, **fields})


class User(AbstractBaseUser, PermissionsMixin):
    """A person or an integration; logs in by email."""

    class Role(models.TextChoices):
        """What the user is here for."""

        STAFF = "staff", "Staff"
        TRADER = "trader", "Trader"
        INTEGRATION = "integration", "Integration"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.TRADER)
    language = models.CharField(max_length=8, choices=[("en", "English"), ("ru", "Русский")], default="en")
    time_zone = models.CharField(max_length=64, default="UTC", help_text="For display; risk days are UTC.")
    preferred_exchange = models.CharField(max_length=16, choices=EXCHANGES, default="binance")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now, editable=False)

    objects = UserManager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ("email",)

    def __str__(self) -> str:
        return self.email


class ExchangeAccount(models.Model):
    """One user's account at one exchange. Secrets are stored sealed (see `accounts.crypto`), never in plain text."""

    class Mode(models.TextChoices):
        """Where orders of this account go."""

        PAPER = "paper", "Paper"
        PRACTICE = "practice", "Practice"
        TESTNET = "testnet", "Testnet"
        LIVE = "live", "Live"

    class Verification(models.TextChoices):
        """What is known about the keys."""

        UNVERIFIED = "unverified", "Not verified"
        VERIFIED = "verified", "Verified"
        REFUSED = "refused", "Refused"
        UNPROVEN = "unproven", "Unproven"
        NOT_NEEDED = "not_needed", "Not needed"

    class Status(models.TextChoices):
        """Whether the account may trade."""

        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        REMOVED = "removed", "Removed"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="exchange_accounts")
    name = models.CharField(max_length=80)
    exchange = models.CharField(max_length=16, choices=EXCHANGES)
    mode = models.CharField(max_length=16, choices=Mode.choices, default=Mode.PAPER)
    quote_currency = models.CharField(max_length=16, default="USDT")
    paper_start_balance = ExactDecimalField(default="10000", help_text="Quote currency a paper account begins with.")
    key_hint = models.CharField(max_length=8, blank=True, help_text="Last four characters of the API key.")
    sealed_credentials = models.TextField(
        blank=True, editable=False, help_text="Key, secret and passphrase, encrypted."
    )
    key_print = models.CharField(
        max_length=64, blank=True, db_index=True, editable=False, help_text="What one API key is recognised by: a hash."
    )
    verification = models.CharField(max_length=16, choices=Verification.choices, default=Verification.UNVERIFIED)
    verification_detail = models.CharField(max_length=400, blank=True)
    permissions = models.JSONField(default=dict, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.ACTIVE)
    status_reason = models.CharField(max_length=400, blank=True)
    live_enabled = models.BooleanField(default=False, help_text="The owner's own switch for live trading.")
    egress_address = models.CharField(max_length=64, blank=True)
    last_checked_at = models.DateTimeField(null=True, blank=True, help_text="Last reconciliation with the exchange.")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering = ("id",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["user", "name"], condition=~models.Q(status="removed"), name="account_name_once_per_user"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_exchange_display()}, {self.get_mode_display()})"


class AuditEvent(models.Model):
    """Who did what to which object, when. Append only."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    actor = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    action = models.CharField(max_length=80, db_index=True)
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=64, blank=True, db_index=True)
    detail = models.JSONField(default=dict, blank=True)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False, db_index=True)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}"


class Notice(models.Model):
    """A message to one user (or to staff, when `user` is empty), shown on the page and sent to their channels."""

    class Level(models.TextChoices):
        """How urgent it is."""

        OK = "ok", "Good"
        INFO = "info", "Information"
        WARN = "warn", "Warning"
        BAD = "bad", "Needs you"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="notices")
    level = models.CharField(max_length=8, choices=Level.choices, default=Level.INFO)
    title = models.CharField(max_length=160)
    text = models.CharField(max_length=600, blank=True)
    link = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=now, editable=False, db_index=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return self.title
