"""Bots and the immutable versions of their configuration."""

import uuid
from typing import Any, ClassVar

from django.db import models

from accounts.clock import now
from accounts.fields import ExactDecimalField
from accounts.models import ExchangeAccount, User
from signals.models import Strategy


class OnBreach(models.TextChoices):
    """What is done when a limit on losses is reached."""

    ENTRIES = "entries", "No new entries"
    REDUCE = "reduce", "Reduce only"
    FLATTEN = "flatten", "Sell everything"


class Bot(models.Model):
    """A trader's running configuration: which signals it follows, with which account and limits."""

    class Status(models.TextChoices):
        """Whether it decides."""

        STOPPED = "stopped", "Stopped"
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="bots")
    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="bots")
    name = models.CharField(max_length=80)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.STOPPED)
    status_reason = models.CharField(max_length=400, blank=True)
    config = models.ForeignKey(
        "trading.BotConfig", null=True, on_delete=models.PROTECT, related_name="+", help_text="The version in force."
    )
    consecutive_errors = models.PositiveIntegerField(default=0)
    last_decision = models.CharField(max_length=240, blank=True)
    last_decision_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering = ("id",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["user", "name"], condition=models.Q(deleted_at=None), name="bot_name_once_per_user"
            )
        ]

    def __str__(self) -> str:
        return self.name


class BotConfig(models.Model):
    """One immutable version of a bot's configuration. Fractions are fractions: 0.009 is 0.9 %.

    The defaults of these columns are the defaults everywhere: of the form (its first preset), the API and the demo.
    The target covers the fees of both ways several times over. Entries are at market, because in a market sped up
    60 times most post-only orders come too late.
    """

    class Source(models.TextChoices):
        """Whose signals the bot follows."""

        AGGREGATE = "aggregate", "All together (the aggregate)"
        STRATEGY = "strategy", "One strategy"

    class Entry(models.TextChoices):
        """How it gets in."""

        MAKER = "maker", "Maker (post only, with a time-out)"
        MARKET = "market", "Market"

    class Sizing(models.TextChoices):
        """How much an entry spends."""

        FIXED = "fixed", "The money per trade"
        EQUITY = "equity", "A share of the account"
        VOLATILITY = "volatility", "By volatility"

    class OnMakerTimeout(models.TextChoices):
        """What happens to the unfilled rest of a maker entry."""

        CANCEL = "cancel", "Give up"
        TAKER = "taker", "Take the market price"

    class Exit(models.TextChoices):
        """How a profit is taken; losses are always sold at market."""

        MARKET = "market", "Market"
        MAKER = "maker", "Maker (post only, then market)"

    class Protection(models.TextChoices):
        """Where stops wait, and targets with them where the exchange can hold both."""

        PLATFORM = "platform", "On this platform"
        EXCHANGE = "exchange", "At the exchange, where it can"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    bot = models.ForeignKey(Bot, on_delete=models.CASCADE, related_name="configs")
    version = models.PositiveIntegerField()
    symbols = models.JSONField(default=list, blank=True, help_text="Empty: every scanned symbol.")
    timeframe = models.CharField(max_length=8, default="1m")
    source = models.CharField(max_length=12, choices=Source.choices, default=Source.AGGREGATE)
    strategy = models.ForeignKey(
        Strategy, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="For source 'strategy'."
    )
    use_model = models.BooleanField(default=True, help_text="Also follow the serving model's signals.")
    confidence_threshold = ExactDecimalField(default="0.40")
    capital_per_trade = ExactDecimalField(default="200", help_text="In the account's quote currency.")
    profit_target = ExactDecimalField(default="0.012", help_text="A fraction of the entry price.")
    stop_loss = ExactDecimalField(default="0.009", help_text="A fraction of the entry price.")
    holding_time_s = models.PositiveIntegerField(default=2000)
    entry_type = models.CharField(max_length=8, choices=Entry.choices, default=Entry.MARKET)
    maker_timeout_s = models.PositiveIntegerField(default=60)
    on_maker_timeout = models.CharField(max_length=8, choices=OnMakerTimeout.choices, default=OnMakerTimeout.TAKER)
    max_positions = models.PositiveIntegerField(default=2)
    max_drawdown = ExactDecimalField(default="0.20", help_text="A fraction of the account's peak equity.")
    max_spread = ExactDecimalField(default="0.01", help_text="A fraction of the mid price.")
    trailing = ExactDecimalField(default="0", help_text="The stop follows the bid at this fraction; 0: it does not.")
    trailing_after = ExactDecimalField(default="0", help_text="The gain from which on it does, a fraction.")
    breakeven_after = ExactDecimalField(default="0", help_text="The gain that lifts the stop to the costs; 0: none.")
    profit_steps = models.JSONField(default=list, blank=True, help_text="[{gain, share}], rising, below the target.")
    add_steps = models.JSONField(default=list, blank=True, help_text="[{fall, share}], rising, above the stop.")
    exit_type = models.CharField(max_length=8, choices=Exit.choices, default=Exit.MARKET)
    protection = models.CharField(max_length=8, choices=Protection.choices, default=Protection.PLATFORM)
    sizing = models.CharField(max_length=10, choices=Sizing.choices, default=Sizing.FIXED)
    equity_share = ExactDecimalField(
        default="0.02", help_text="A fraction of equity: what a trade spends, or by volatility the most it may."
    )
    risk_per_trade = ExactDecimalField(
        default="0.005", help_text="By volatility: a fraction of equity that an adverse move costs."
    )
    daily_loss = ExactDecimalField(default="0.10", help_text="A fraction of equity at 00:00 UTC; 1: no limit.")
    on_breach = models.CharField(max_length=8, choices=OnBreach.choices, default=OnBreach.ENTRIES)
    loss_streak = models.PositiveIntegerField(default=6, help_text="Losing trades in a row; 0: no limit.")
    pause_s = models.PositiveIntegerField(default=1800, help_text="After a loss streak or bad slippage.")
    cooldown_s = models.PositiveIntegerField(default=0, help_text="After a trade of the symbol; 0: none.")
    stop_cooldown_s = models.PositiveIntegerField(default=60, help_text="After a stop loss of the symbol; 0: none.")
    max_slippage = ExactDecimalField(default="0.005", help_text="A fraction of the price; 1: no limit.")
    price_band = ExactDecimalField(default="0.05", help_text="Ask from the candle's close, a fraction; 1: no limit.")
    signal_age_s = models.PositiveIntegerField(default=0, help_text="Since its candle closed; 0: its expiry only.")
    orders_per_minute = models.PositiveIntegerField(default=30, help_text="0: no limit.")
    stale_after_s = models.PositiveIntegerField(default=300, help_text="No price of a held coin; 0: no limit.")
    notifications = models.JSONField(default=list, blank=True, help_text="Any of: trades, errors, daily.")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering = ("bot", "-version")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["bot", "version"], name="bot_config_version_once")
        ]

    def __str__(self) -> str:
        return f"{self.bot} config v{self.version}"
