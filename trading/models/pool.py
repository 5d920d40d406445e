"""The trade pool: positions, which are trades once closed, and daily statistics per bot."""

import uuid
from decimal import Decimal
from typing import Any, ClassVar

from django.db import models

from accounts.clock import now
from accounts.fields import ExactDecimalField
from accounts.models import ExchangeAccount
from signals.models import Instrument, Signal
from trading.domain.money import exact
from trading.models.bot import Bot, BotConfig


class Position(models.Model):
    """What one bot holds of one instrument, from entry to close; closed, it is a trade of the trade pool."""

    class Status(models.TextChoices):
        """Opening until the first fill, open, closing while an exit order works, closed; cancelled if never filled."""

        OPENING = "opening", "Opening"
        OPEN = "open", "Open"
        CLOSING = "closing", "Closing"
        CLOSED = "closed", "Closed"
        CANCELLED = "cancelled", "Cancelled"

    class StopKind(models.TextChoices):
        """Where its stop comes from."""

        PLAN = "plan", "As planned"
        BREAKEVEN = "breakeven", "Raised to cover the fees"
        TRAILING = "trailing", "Trailing"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    bot = models.ForeignKey(Bot, on_delete=models.PROTECT, related_name="positions")
    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="positions")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="positions")
    config = models.ForeignKey(
        BotConfig, on_delete=models.PROTECT, related_name="+", help_text="Kept until the owner applies a new one."
    )
    signal = models.ForeignKey(Signal, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPENING)
    amount = ExactDecimalField(default="0", help_text="Held now, base currency, after fees taken in it.")
    bought = ExactDecimalField(default="0", help_text="Base currency bought, before fees.")
    buy_cost = ExactDecimalField(default="0", help_text="Quote currency paid, before fees.")
    sold = ExactDecimalField(default="0", help_text="Base currency sold.")
    sell_proceeds = ExactDecimalField(default="0", help_text="Quote currency received, before fees.")
    fees_quote = ExactDecimalField(default="0", help_text="All fees, valued in quote currency at each fill.")
    fees_cash = ExactDecimalField(default="0", help_text="Fees not taken in base currency, valued in quote currency.")
    realised_pnl = ExactDecimalField(default="0", help_text="Quote currency, after fees.")
    dust = ExactDecimalField(default="0", help_text="Base currency left over below the smallest order.")
    dust_cost = ExactDecimalField(default="0", help_text="What the dust has cost: owned still, not in the result.")
    dust_moved = ExactDecimalField(
        default="0", help_text="Dust taken over from earlier trades of the bot, minus what a later one took over."
    )
    cost_moved = ExactDecimalField(default="0", help_text="What the dust that was taken over has cost.")
    gone = ExactDecimalField(
        default="0", help_text="Base currency written off: taken out of the account by another way than our orders."
    )
    gone_cost = ExactDecimalField(default="0", help_text="What was written off has cost: not in the result.")
    stop_price = ExactDecimalField(null=True, blank=True)
    target_price = ExactDecimalField(null=True, blank=True)
    stop_kind = models.CharField(max_length=10, choices=StopKind.choices, default=StopKind.PLAN)
    raise_price = ExactDecimalField(null=True, blank=True, help_text="The bid that raises the stop.")
    step_price = ExactDecimalField(null=True, blank=True, help_text="The bid that takes the next profit step.")
    add_price = ExactDecimalField(null=True, blank=True, help_text="The ask that buys the next step in.")
    steps_taken = models.PositiveSmallIntegerField(default=0, help_text="Profit steps.")
    adds_taken = models.PositiveSmallIntegerField(default=0, help_text="Steps in.")
    first_price = ExactDecimalField(default="0", help_text="Average price of the first entry: steps in count from it.")
    first_cost = ExactDecimalField(default="0", help_text="What the first entry cost, before fees.")
    stops_placed = models.PositiveIntegerField(default=0, help_text="Stops sent to rest at the exchange.")
    hold_until = models.DateTimeField(null=True, blank=True)
    close_reason = models.CharField(max_length=24, blank=True)
    entry_intent_id = models.UUIDField(null=True, blank=True, help_text="Public id of the intent that opened it.")
    exit_intent_id = models.UUIDField(null=True, blank=True, help_text="Public id of the exit being worked on.")
    exits_tried = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True, help_text="A refused exit is tried again from here on.")
    opened_at = models.DateTimeField(default=now, db_index=True)
    closed_at = models.DateTimeField(null=True, blank=True, db_index=True)

    class Meta:
        ordering = ("-opened_at", "-id")
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["account", "instrument"], condition=~models.Q(dust=0), name="positions_with_dust")
        ]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["bot", "instrument"],
                condition=models.Q(status__in=["opening", "open", "closing"]),
                name="one_open_position_per_bot_and_instrument",
            )
        ]

    def __str__(self) -> str:
        return f"{self.instrument.symbol} {self.amount} ({self.status})"

    @property
    @exact
    def cash_part(self) -> Decimal:
        """The result without what is held (as `trading.domain.pnl.cash_part`), in quote currency."""
        return Decimal(self.sell_proceeds - self.buy_cost - self.cost_moved - self.fees_cash)


class Trade(Position):
    """The trade pool as its own list in the admin and the API: closed positions."""

    class Meta:
        proxy = True
        ordering = ("-closed_at", "-id")


class TradingStats(models.Model):
    """One bot's day (UTC)."""

    bot = models.ForeignKey(Bot, on_delete=models.CASCADE, related_name="stats")
    day = models.DateField()
    trades = models.PositiveIntegerField(default=0)
    wins = models.PositiveIntegerField(default=0)
    losses = models.PositiveIntegerField(default=0)
    realised_pnl = ExactDecimalField(default="0")
    fees_quote = ExactDecimalField(default="0")
    turnover = ExactDecimalField(default="0", help_text="Bought plus sold, quote currency.")
    updated_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name_plural = "trading stats"
        ordering = ("-day", "bot")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["bot", "day"], name="stats_once_a_day")]

    def __str__(self) -> str:
        return f"{self.bot} {self.day}"
