"""Instruments, the candle store's manifest, strategies, scans, signals and their outcomes."""

import uuid
from typing import Any, ClassVar

from django.db import models

from accounts.clock import now
from accounts.fields import ExactDecimalField
from accounts.models import EXCHANGES

SIDES = [("buy", "Buy"), ("sell", "Sell")]


class ExchangeState(models.Model):
    """What the platform knows of one exchange: markets, streams, errors, and who holds the streams' lease."""

    exchange = models.CharField(max_length=16, choices=EXCHANGES, primary_key=True)
    connection = models.CharField(max_length=16, default="down", help_text="live, stale or down")
    markets_loaded_at = models.DateTimeField(null=True, blank=True)
    last_event_at = models.DateTimeField(null=True, blank=True, help_text="Last market event from the streams.")
    streams_owner = models.CharField(max_length=64, blank=True)
    streams_lease_until = models.DateTimeField(null=True, blank=True)
    consecutive_errors = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=400, blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.get_exchange_display()


class Instrument(models.Model):
    """A tradable pair at an exchange, with the limits that orders must respect."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    exchange = models.CharField(max_length=16, choices=EXCHANGES)
    symbol = models.CharField(max_length=32, help_text="Unified symbol, such as BTC/USDT.")
    market_id = models.CharField(max_length=32, help_text="The exchange's own name, such as BTCUSDT.")
    market_type = models.CharField(max_length=8, default="spot")
    base = models.CharField(max_length=16)
    quote = models.CharField(max_length=16)
    tick_size = ExactDecimalField(help_text="Smallest step of the price, in quote currency.")
    lot_size = ExactDecimalField(help_text="Smallest step of the amount, in base currency.")
    min_amount = ExactDecimalField(default="0")
    max_amount = ExactDecimalField(null=True, blank=True)
    min_notional = ExactDecimalField(default="0", help_text="Smallest order value, in quote currency.")
    maker_fee = ExactDecimalField(default="0.001", help_text="A fraction.")
    taker_fee = ExactDecimalField(default="0.001", help_text="A fraction.")
    active = models.BooleanField(default=True, help_text="The exchange trades it now.")
    selected = models.BooleanField(default=False, help_text="In the scan, by volume and spread.")
    selection_reason = models.CharField(max_length=160, blank=True)
    volume_quote_24h = models.FloatField(default=0.0)
    spread = models.FloatField(null=True, blank=True, help_text="(ask - bid) / mid, a fraction.")
    updated_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("exchange", "symbol")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["exchange", "symbol", "market_type"], name="instrument_once")
        ]

    def __str__(self) -> str:
        return f"{self.symbol} ({self.exchange})"


class CandleSeries(models.Model):
    """Manifest row of one stored candle series; the candles themselves are in Parquet."""

    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="candle_series")
    timeframe = models.CharField(max_length=8)
    first_open = models.DateTimeField(null=True, blank=True)
    last_open = models.DateTimeField(null=True, blank=True)
    rows = models.PositiveIntegerField(default=0)
    gaps = models.PositiveIntegerField(default=0)
    revision = models.PositiveIntegerField(default=0, help_text="Grows when a stored candle is corrected.")
    updated_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name_plural = "candle series"
        ordering = ("instrument", "timeframe")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["instrument", "timeframe"], name="series_once")
        ]

    def __str__(self) -> str:
        return f"{self.instrument} {self.timeframe}"


class Strategy(models.Model):
    """One immutable version of a strategy: a registered kind with its parameters. Edits make the next version."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=40, help_text="Registered kind, such as ma_cross, or 'model'.")
    parameters = models.JSONField(default=dict, blank=True)
    version = models.PositiveIntegerField(default=1)
    enabled = models.BooleanField(default=True, help_text="Only enabled versions are scanned.")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        verbose_name_plural = "strategies"
        ordering = ("name", "-version")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["name", "version"], name="strategy_version_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class Scan(models.Model):
    """One pass over all selected instruments of an exchange for one closed candle."""

    class Status(models.TextChoices):
        """Where the scan stands."""

        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    exchange = models.CharField(max_length=16, choices=EXCHANGES)
    timeframe = models.CharField(max_length=8)
    candle_open_time = models.DateTimeField()
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.RUNNING)
    backend = models.CharField(max_length=16, default="cpu")
    instruments = models.PositiveIntegerField(default=0)
    late = models.PositiveIntegerField(default=0, help_text="Lanes whose candle had not arrived; scanned alone later.")
    signals = models.PositiveIntegerField(default=0)
    fetch_ms = models.FloatField(default=0.0)
    kernel_ms = models.FloatField(default=0.0)
    store_ms = models.FloatField(default=0.0)
    error = models.CharField(max_length=400, blank=True)
    started_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-candle_open_time", "-id")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["exchange", "timeframe", "candle_open_time"], name="scan_once")
        ]

    def __str__(self) -> str:
        return f"{self.exchange} {self.timeframe} {self.candle_open_time:%Y-%m-%d %H:%M}"


class Signal(models.Model):
    """What one strategy version says of one instrument at one closed candle. Immutable."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="signals")
    timeframe = models.CharField(max_length=8)
    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="signals")
    candle_open_time = models.DateTimeField(db_index=True)
    side = models.CharField(max_length=4, choices=SIDES)
    confidence = models.FloatField(help_text="0 to 1.")
    reason = models.CharField(max_length=240)
    close = ExactDecimalField(help_text="Close of the candle, in quote currency.")
    inputs = models.JSONField(default=dict, blank=True, help_text="Indicator values the decision was made from.")
    backend = models.CharField(max_length=16, default="cpu")
    created_at = models.DateTimeField(default=now, editable=False, db_index=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["instrument", "timeframe", "strategy", "candle_open_time"], name="signal_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.instrument.symbol} {self.candle_open_time:%Y-%m-%d %H:%M}"


class Outcome(models.Model):
    """What became of a signal that was traded: written when its trade closes, read by learning."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    signal = models.ForeignKey(Signal, null=True, blank=True, on_delete=models.PROTECT, related_name="outcomes")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    strategy = models.ForeignKey(Strategy, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    timeframe = models.CharField(max_length=8)
    trade_id = models.UUIDField(unique=True, help_text="Public id of the closed trade.")
    mode = models.CharField(max_length=16)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(db_index=True)
    return_net = models.FloatField(help_text="PnL after fees over entry cost, a fraction.")
    close_reason = models.CharField(max_length=24)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering = ("-closed_at", "-id")

    def __str__(self) -> str:
        return f"{self.instrument.symbol} {self.return_net:+.4f}"
