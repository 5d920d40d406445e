"""Scans, signals and outcomes in the admin."""

from django.contrib import admin
from django.utils.html import format_html
from unfold.contrib.filters.admin import RangeDateTimeFilter

from accounts.admin import HistoryAdmin
from signals.models import Outcome, Scan, Signal
from signals.services.explain import signal_explain
from signals.services.explain_text import explanation_lines


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
        "refused",
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
    """Signals, as they were made; the page of one makes it again and compares."""

    list_display = ("candle_open_time", "instrument", "timeframe", "side", "confidence", "strategy", "reason")
    list_filter = ("side", "strategy", "timeframe", "instrument__exchange", ("candle_open_time", RangeDateTimeFilter))
    search_fields = ("instrument__symbol", "public_id", "reason")
    list_select_related = ("instrument", "strategy")
    readonly_fields = ("explanation",)

    @admin.display(description="Made again from the stored candles")
    def explanation(self, signal: Signal) -> str:
        """The same text as `manage.py explain_signal`."""
        return format_html("<pre>{}</pre>", "\n".join(explanation_lines(signal_explain(signal=signal))))


@admin.register(Outcome)
class OutcomeAdmin(HistoryAdmin):
    """What became of traded signals."""

    list_display = ("closed_at", "instrument", "strategy", "mode", "return_net", "close_reason")
    list_filter = ("mode", "close_reason", "strategy")
    search_fields = ("instrument__symbol", "trade_id")
    list_select_related = ("instrument", "strategy")
