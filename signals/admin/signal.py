"""Scans, signals and outcomes in the admin."""

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RangeDateTimeFilter

from accounts.admin import HistoryAdmin
from signals.admin.columns import number_column
from signals.models import Outcome, Scan, Signal
from signals.services.explain import signal_explain
from signals.services.explain_text import explanation_lines

VOTE = (
    '<tr><td>{}</td><td>{}</td><td><meter min="0" max="100" value="{}"></meter></td><td class="num">{}</td>'
    '<td class="num">{}</td><td>{}</td></tr>'
)


@admin.register(Scan)
class ScanAdmin(HistoryAdmin):
    """Scans with their timings."""

    list_display = (
        "candle_open_time", "exchange", "timeframe", "told_status", "n_instruments", "n_late", "n_signals", "n_refused",
        "n_fetch", "n_kernel", "n_store", "told_backend",
    )  # fmt: skip
    list_filter = ("exchange", "timeframe", "status", ("candle_open_time", RangeDateTimeFilter))
    date_hierarchy = "candle_open_time"

    n_instruments = number_column("instruments", "Symbols")
    n_late = number_column("late", "Late")
    n_signals = number_column("signals", "Signals")
    n_refused = number_column("refused", "Refused")
    n_fetch = number_column("fetch_ms", "Fetch, ms", 1)
    n_kernel = number_column("kernel_ms", "Scan, ms", 1)
    n_store = number_column("store_ms", "Store, ms", 1)

    @admin.display(description="Status", ordering="status")
    def told_status(self, scan: Scan) -> str:
        """With the error, where there is one."""
        return f"{scan.get_status_display()}: {scan.error}" if scan.error else scan.get_status_display()

    @admin.display(description="On", ordering="backend")
    def told_backend(self, scan: Scan) -> str:
        """CPU or GPU."""
        return scan.backend.upper()


@admin.register(Signal)
class SignalAdmin(HistoryAdmin):
    """Signals, as they were made; the page of one makes it again and compares."""

    list_display = ("candle_open_time", "instrument", "timeframe", "side", "n_confidence", "strategy", "reason")
    list_filter = ("side", "strategy", "timeframe", "instrument__exchange", ("candle_open_time", RangeDateTimeFilter))
    search_fields = ("instrument__symbol", "public_id", "reason")
    list_select_related = ("instrument", "strategy")
    readonly_fields = ("explanation", "n_confidence", "n_threshold", "told_votes")
    fieldsets = (
        (None, {"fields": ("instrument", "timeframe", "candle_open_time", "side", "n_confidence", "n_threshold",
                           "strategy", "reason", "close")}),
        ("Votes", {"fields": ("told_votes",)}),
        ("Made again from the stored candles", {"fields": ("explanation",)}),
        ("Record as it is stored", {"fields": ("inputs", "provenance", "backend", "public_id", "created_at"),
                                    "classes": ("collapse",)}),
    )  # fmt: skip

    n_confidence = number_column("confidence", "Confidence", 2)
    n_threshold = number_column("threshold", "Confidence needed", 2)

    @admin.display(description="Who said what")
    def told_votes(self, signal: Signal) -> SafeString | str:
        """The votes of an aggregate: confidence as a bar, then the weight and the age."""
        if not signal.votes:
            return "No votes: this is what one strategy says."
        rows = (
            (vote["name"], vote["side"], 100.0 * vote["confidence"], vote["confidence"], vote["weight"], vote["age"])
            for vote in ({**vote, "confidence": float(vote["confidence"])} for vote in signal.votes)
        )
        lines = ((*row[:3], f"{row[3]:.2f}", f"{row[4]:.2f}", _age(row[5])) for row in rows)
        return format_html(
            '<table class="votes"><tr><th>Source</th><th>Side</th><th>Confidence</th><th></th><th>Weight</th>'
            "<th>Said</th></tr>{}</table>",
            format_html_join("", VOTE, lines),
        )

    @admin.display(description="Explanation")
    def explanation(self, signal: Signal) -> str:
        """The verdict, then the same text as `manage.py explain_signal`."""
        told = signal_explain(signal=signal)
        text = "\n".join(explanation_lines(told))
        return format_html('<p><strong>{}</strong></p><pre class="listing">{}</pre>', _sentence(told.verdict), text)


@admin.register(Outcome)
class OutcomeAdmin(HistoryAdmin):
    """What became of traded signals."""

    list_display = ("closed_at", "instrument", "strategy", "mode", "n_return", "told_reason")
    list_filter = ("mode", "close_reason", "strategy")
    search_fields = ("instrument__symbol", "trade_id")
    list_select_related = ("instrument", "strategy")

    n_return = number_column("return_net", "Net return", 2, scale=100.0, unit=" %", signed=True)

    @admin.display(description="Why it closed", ordering="close_reason")
    def told_reason(self, outcome: Outcome) -> str:
        """In words."""
        return outcome.close_reason.replace("_", " ").capitalize()


def _age(candles: int) -> str:
    return "this candle" if not candles else "1 candle ago" if candles == 1 else f"{candles} candles ago"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
