"""The ledger of an account, its balances and snapshots, and the lease that makes its execution serial."""

from typing import Any, ClassVar

from django.db import models

from accounts.clock import now
from accounts.fields import ExactDecimalField
from accounts.models import ExchangeAccount


class LedgerEntry(models.Model):
    """One movement of one currency of an account. Append only; the balance is their sum."""

    class Kind(models.TextChoices):
        """Why it moved."""

        DEPOSIT = "deposit", "Deposit"
        WITHDRAWAL = "withdrawal", "Withdrawal"
        TRADE = "trade", "Trade"
        FEE = "fee", "Fee"
        OUTSIDE = "outside", "Traded by hand"

    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="ledger")
    reference = models.CharField(max_length=120, help_text="What moved it, once: 'fill:<id>:base', 'start', ...")
    currency = models.CharField(max_length=16)
    amount = ExactDecimalField(help_text="Signed.")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    at = models.DateTimeField()
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        verbose_name_plural = "ledger entries"
        ordering = ("-id",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["account", "reference", "currency"], name="ledger_reference_once")
        ]
        indexes: ClassVar[list[Any]] = [  # deposits are few among trades, and asked for all the time
            models.Index(
                fields=["account", "id"], condition=models.Q(kind__in=["deposit", "withdrawal"]), name="ledger_flows"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} {self.currency}"


class Balance(models.Model):
    """What the ledger sums up to for one currency of an account."""

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="balances")
    currency = models.CharField(max_length=16)
    total = ExactDecimalField(default="0")
    exchange_total = ExactDecimalField(null=True, blank=True, help_text="What the exchange said when last asked.")
    exchange_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("account", "currency")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["account", "currency"], name="balance_once")
        ]

    def __str__(self) -> str:
        return f"{self.total} {self.currency}"


class BalanceSnapshot(models.Model):
    """The account's value in its quote currency at a moment; the equity curve is made of these."""

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="snapshots")
    at = models.DateTimeField(default=now, db_index=True)
    equity = ExactDecimalField()
    free = ExactDecimalField(help_text="Quote currency not reserved by open orders.")
    in_positions = ExactDecimalField()
    net_deposits = ExactDecimalField(default="0")
    unpriced = models.JSONField(default=list, blank=True, help_text="Currencies without a price, not counted.")
    lines = models.JSONField(default=list, blank=True, help_text="By token: amount, route, price, value.")
    growth = ExactDecimalField(default="1", help_text="Time-weighted: what 1 at the first snapshot has become.")
    ledger_seen = models.BigIntegerField(
        null=True, blank=True, help_text="The newest deposit or withdrawal that `net_deposits` counts."
    )

    class Meta:
        ordering = ("-at", "-id")
        indexes: ClassVar[list[Any]] = [models.Index(fields=["account", "at"])]

    def __str__(self) -> str:
        return f"{self.equity} at {self.at:%Y-%m-%d %H:%M:%S}"


class AccountLease(models.Model):
    """Who may execute for an account now, and what its engine carries from run to run.

    The token grows with every new holder and is checked at each claim and each save.
    """

    account = models.OneToOneField(ExchangeAccount, on_delete=models.CASCADE, related_name="lease")
    owner = models.CharField(max_length=80, blank=True)
    token = models.BigIntegerField(default=0)
    expires_at = models.DateTimeField(null=True, blank=True)
    sequence = models.BigIntegerField(default=0, help_text="Of the last decision record.")
    peak_equity = ExactDecimalField(default="0", help_text="Highest equity seen at an entry decision.")
    risk = models.JSONField(default=dict, blank=True, help_text="What risk rules remember (`domain.riskbook`).")
    floors = models.JSONField(
        default=dict, blank=True, help_text="By bot (empty: all): open positions worth less wake the account."
    )
    seen = models.JSONField(default=dict, blank=True, help_text="Bots and instruments as last recorded, in short.")
    check_wanted_at = models.DateTimeField(
        null=True, blank=True, help_text="Compare the account with its exchange before it trades, if not done since."
    )
    unconfirmed = models.JSONField(
        default=dict, blank=True, help_text="What the exchange had more than the ledger when they were compared last."
    )
    check_reason = models.CharField(max_length=120, blank=True, help_text="Why.")

    def __str__(self) -> str:
        return f"{self.account_id}: {self.owner or 'free'} #{self.token}"
