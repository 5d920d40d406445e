"""Exchanges, instruments, and the manifest of the candle store."""

import uuid
from typing import Any, ClassVar

from django.db import models

from accounts.clock import now
from accounts.fields import ExactDecimalField
from accounts.models import EXCHANGES


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
    state = models.CharField(max_length=24, blank=True, help_text="The exchange's own word, such as TRADING.")
    listed_at = models.DateTimeField(null=True, blank=True, help_text="Where the exchange states it.")
    delist_at = models.DateTimeField(null=True, blank=True, help_text="Announced by the exchange.")
    selected = models.BooleanField(default=False, help_text="In the scan: every step of the selection let it pass.")
    selection_reason = models.CharField(max_length=160, blank=True)
    volume_quote_24h = models.FloatField(default=0.0)
    spread = models.FloatField(null=True, blank=True, help_text="(ask - bid) / mid, a fraction.")
    group = models.CharField(
        max_length=16, blank=True, help_text="The coin that its price moves together with; empty: not known."
    )
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


class CandleHole(models.Model):
    """A range of a series where no candle ever was, so that nobody asks for it again."""

    class Reason(models.TextChoices):
        ABSENT = "absent", "The exchange was asked and has none"
        UNLISTED = "unlisted", "Before the first candle of the exchange"
        MARKED = "marked", "Marked by hand"

    series = models.ForeignKey(CandleSeries, on_delete=models.CASCADE, related_name="holes")
    first_open = models.DateTimeField(help_text="Open time of the first candle that never was.")
    last_open = models.DateTimeField(help_text="Open time of the last candle that never was.")
    reason = models.CharField(max_length=8, choices=Reason, default=Reason.ABSENT)
    found_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("series", "first_open")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["series", "first_open"], name="candle_hole_once")
        ]

    def __str__(self) -> str:
        return f"{self.series} {self.first_open:%Y-%m-%d %H:%M} to {self.last_open:%Y-%m-%d %H:%M}"
