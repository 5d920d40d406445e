"""The intent table (which is the execution queue), orders and fills."""

import uuid
from typing import Any, ClassVar

from django.db import models

from accounts.clock import now
from accounts.fields import ExactDecimalField
from accounts.models import ExchangeAccount
from signals.models import SIDES, Instrument, Signal
from trading.models.bot import Bot, BotConfig


class Intent(models.Model):
    """What a bot decided to do, committed before anything is sent. One row is one unit of work for execution."""

    class Purpose(models.TextChoices):
        """Why."""

        ENTRY = "entry", "Entry on a signal"
        EXIT = "exit", "Exit on a signal"
        MANUAL_ENTRY = "manual_entry", "Manual entry"
        FORCE_EXIT = "force_exit", "Forced exit"
        TAKE_PROFIT = "take_profit", "Take profit"
        STOP_LOSS = "stop_loss", "Stop loss"
        HOLDING_TIME = "holding_time", "Holding time over"
        PROFIT_STEP = "profit_step", "Profit step"
        ADD = "add", "Step in"
        REDUCE = "reduce", "Sale of a part by hand"
        CANCEL = "cancel", "Cancel by hand"
        REPLACE = "replace", "Change by hand"
        PROTECT = "protect", "Resting stop"

    class Status(models.TextChoices):
        """Its life: pending, then claimed, then exactly one of the rest."""

        PENDING = "pending", "Pending"
        CLAIMED = "claimed", "Claimed"
        DONE = "done", "Done"
        DENIED = "denied", "Denied"
        EXPIRED = "expired", "Expired"
        FAILED = "failed", "Failed"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    bot = models.ForeignKey(Bot, on_delete=models.CASCADE, related_name="intents")
    config = models.ForeignKey(BotConfig, on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="intents")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    signal = models.ForeignKey(Signal, null=True, blank=True, on_delete=models.PROTECT, related_name="intents")
    position = models.ForeignKey(
        "trading.Position", null=True, blank=True, on_delete=models.PROTECT, related_name="intents"
    )
    purpose = models.CharField(max_length=16, choices=Purpose.choices)
    side = models.CharField(max_length=4, choices=SIDES)
    confidence = models.FloatField(default=1.0)
    amount_quote = ExactDecimalField(null=True, blank=True, help_text="Manual entries: how much to spend.")
    limit_price = ExactDecimalField(
        null=True, blank=True, help_text="Manual entries: a limit order at this price; changes: the new one."
    )
    amount = ExactDecimalField(null=True, blank=True, help_text="Base currency: the part to sell, the new amount.")
    share = ExactDecimalField(null=True, blank=True, help_text="Parts sold by hand: a fraction of what is held then.")
    order = models.ForeignKey(
        "trading.Order", null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="What to cancel."
    )
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PENDING)
    reason = models.CharField(max_length=240, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Entries only; exits never expire.")
    fencing_token = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False, db_index=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        indexes: ClassVar[list[Any]] = [models.Index(fields=["account", "status"])]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["bot", "signal", "purpose"], name="intent_once_per_signal"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.instrument.symbol} ({self.status})"


class Order(models.Model):
    """One order of one intent; its states and moves are in `trading.domain.orders`."""

    class Status(models.TextChoices):
        """See the printed transition table in `trading.domain.orders`."""

        PENDING = "pending", "Pending"
        UNKNOWN = "unknown", "Unknown"
        ACTIVE = "active", "Active"
        FILLED = "filled", "Filled"
        CANCELLED = "cancelled", "Cancelled"
        REJECTED = "rejected", "Rejected"
        EXPIRED = "expired", "Expired"

    class Type(models.TextChoices):
        """Order types that the engine sends."""

        MARKET = "market", "Market"
        LIMIT = "limit", "Limit"
        LIMIT_MAKER = "limit_maker", "Limit, maker only"
        STOP = "stop", "Stop, then market"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    intent = models.ForeignKey(Intent, on_delete=models.PROTECT, related_name="orders")
    leg = models.PositiveSmallIntegerField(default=0, help_text="0, then 1 for a taker after a maker time-out, ...")
    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="orders")
    bot = models.ForeignKey(Bot, on_delete=models.PROTECT, related_name="orders")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="orders")
    position = models.ForeignKey("trading.Position", null=True, on_delete=models.PROTECT, related_name="orders")
    client_order_id = models.CharField(max_length=32, unique=True)
    exchange_order_id = models.CharField(max_length=64, blank=True, db_index=True)
    side = models.CharField(max_length=4, choices=SIDES)
    type = models.CharField(max_length=12, choices=Type.choices)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    amount = ExactDecimalField(help_text="Base currency.")
    price = ExactDecimalField(null=True, blank=True, help_text="Limit price or stop, quote currency.")
    target = ExactDecimalField(null=True, blank=True, help_text="Of a stop with a target: where the other leg sells.")
    reference_price = ExactDecimalField(default="0", help_text="Ask (buy) or bid (sell) that the decision saw.")
    filled = ExactDecimalField(default="0", help_text="Base currency.")
    cost = ExactDecimalField(default="0", help_text="Quote currency, before fees.")
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Maker time-out.")
    replace_intent_id = models.UUIDField(
        null=True, blank=True, help_text="Public id of the change that waits for its end."
    )
    replace_price = ExactDecimalField(null=True, blank=True, help_text="What is wanted instead.")
    replace_amount = ExactDecimalField(null=True, blank=True, help_text="The same, with what this one has filled.")
    reason = models.CharField(max_length=240, blank=True)
    created_at = models.DateTimeField(default=now, editable=False, db_index=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        indexes: ClassVar[list[Any]] = [models.Index(fields=["account", "status"])]
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["intent", "leg"], name="order_leg_once")]

    def __str__(self) -> str:
        return f"{self.side} {self.amount} {self.instrument.symbol} ({self.status})"


class Fill(models.Model):
    """One execution of an order, accounted exactly once by the exchange's trade id."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fills")
    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="fills")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    trade_id = models.CharField(max_length=64)
    side = models.CharField(max_length=4, choices=SIDES)
    price = ExactDecimalField()
    amount = ExactDecimalField(help_text="Base currency.")
    fee = ExactDecimalField(default="0")
    fee_currency = models.CharField(max_length=16)
    maker = models.BooleanField(default=False)
    executed_at = models.DateTimeField()
    created_at = models.DateTimeField(default=now, editable=False, db_index=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["account", "instrument", "trade_id"], name="fill_once")
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.amount} {self.instrument.symbol} at {self.price}"
