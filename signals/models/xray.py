"""The X-ray: the latest state of every scanned symbol, and what strategies have paid by regime."""

import uuid
from typing import Any, ClassVar

from django.db import models

from accounts.clock import now
from accounts.models import EXCHANGES
from signals.models.market import Instrument
from signals.models.signal import Strategy


class Regime(models.TextChoices):
    """The regimes of `signals.domain.xray`."""

    UNKNOWN = "unknown", "Unknown"
    RANGE = "range", "Range"
    TREND_UP = "trend_up", "Trend up"
    TREND_DOWN = "trend_down", "Trend down"
    BREAKOUT = "breakout", "Breakout"
    PANIC = "panic", "Panic"


class SymbolXray(models.Model):
    """What the X-ray says of one instrument at its last closed candle; the history is in Parquet.

    A score that cannot be known (too few candles, an unusable one) is null.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="xrays")
    timeframe = models.CharField(max_length=8)
    candle_open_time = models.DateTimeField(help_text="Open time of the candle this is the state after.")
    regime = models.CharField(max_length=12, choices=Regime, default=Regime.UNKNOWN)
    regime_since = models.DateTimeField(help_text="Open time of the first candle of the regime.")
    strength = models.FloatField(null=True, help_text="How clearly the candle shows the regime, 0 to 1.")
    trend = models.FloatField(null=True, help_text="-1 (down) to 1 (up).")
    momentum = models.FloatField(null=True, help_text="-1 (falling) to 1 (rising).")
    volatility = models.FloatField(null=True, help_text="Rank of the range among 240 candles, 0 to 1.")
    mean_range = models.FloatField(null=True, help_text="Mean true range of 14 candles, a fraction of the close.")
    volume = models.FloatField(null=True, help_text="Rank of the mean volume among 240 candles, 0 to 1.")
    support = models.FloatField(null=True, help_text="Distance down to the nearest support, in ATRs.")
    resistance = models.FloatField(null=True, help_text="Distance up to the nearest resistance, in ATRs.")
    liquidity = models.FloatField(null=True, help_text="From the 24 h volume and the spread, 0 to 1.")
    potential = models.FloatField(null=True, help_text="Weighted composite for a buyer, 0 to 1.")
    strategy = models.ForeignKey(
        Strategy, null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="The strategy that has paid best in this regime.",
    )  # fmt: skip
    strategy_trades = models.PositiveIntegerField(default=0, help_text="Trades this rests on.")
    strategy_mean = models.FloatField(null=True, help_text="Their mean net return, a fraction.")
    strategy_note = models.CharField(max_length=120, blank=True, help_text="Why no strategy is named.")
    updated_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name = "symbol X-ray"
        verbose_name_plural = "symbol X-rays"
        ordering = ("instrument", "timeframe")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["instrument", "timeframe"], name="symbol_xray_once")
        ]

    def __str__(self) -> str:
        return f"{self.instrument} {self.timeframe}: {self.get_regime_display()}"


class RegimeResult(models.Model):
    """What trades of one strategy version paid that were entered in one regime of a market."""

    class Source(models.TextChoices):
        """Where the trades come from."""

        OUTCOMES = "outcomes", "Closed trades"
        BACKTEST = "backtest", "Backtest"

    exchange = models.CharField(max_length=16, choices=EXCHANGES)
    timeframe = models.CharField(max_length=8)
    regime = models.CharField(max_length=12, choices=Regime)
    strategy = models.ForeignKey(Strategy, on_delete=models.CASCADE, related_name="regime_results")
    source = models.CharField(max_length=8, choices=Source)
    trades = models.PositiveIntegerField()
    mean = models.FloatField(help_text="Mean net return of a trade, a fraction.")
    won = models.PositiveIntegerField(help_text="Trades that gained after fees.")
    measured_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("exchange", "timeframe", "regime", "-mean")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["exchange", "timeframe", "regime", "strategy", "source"], name="regime_result_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.strategy} in {self.get_regime_display()}: {self.mean:+.4f} ({self.trades})"
