"""Scans, signals and outcomes in the admin."""

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateTimeFilter

from accounts.admin import HistoryAdmin
from signals.models import Outcome, Scan, Signal


@admin.register(Scan)
class ScanAdmin(HistoryAdmin):
    """Scans with their timings."""

    list_display = (
        "candle_open_time",
        "exchange",
        "timeframe",
        "status",
        "instruments",
        "late",
        "signals",
        "fetch_ms",
        "kernel_ms",
        "store_ms",
        "backend",
        "error",
    )
    list_filter = ("exchange", "timeframe", "status", ("candle_open_time", RangeDateTimeFilter))
    date_hierarchy = "candle_open_time"


@admin.register(Signal)
class SignalAdmin(HistoryAdmin):
    """Signals, as they were made."""

    list_display = ("candle_open_time", "instrument", "timeframe", "side", "confidence", "strategy", "reason")
    list_filter = ("side", "strategy", "timeframe", "instrument__exchange", ("candle_open_time", RangeDateTimeFilter))
    search_fields = ("instrument__symbol", "public_id", "reason")
    list_select_related = ("instrument", "strategy")


@admin.register(Outcome)
class OutcomeAdmin(HistoryAdmin):
    """What became of traded signals."""

    list_display = ("closed_at", "instrument", "strategy", "mode", "return_net", "close_reason")
    list_filter = ("mode", "close_reason", "strategy")
    search_fields = ("instrument__symbol", "trade_id")
    list_select_related = ("instrument", "strategy")
