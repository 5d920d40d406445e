"""Exchanges, instruments and candles in the admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin import HistoryAdmin
from signals.admin.columns import number_column
from signals.models import CandleHole, CandleSeries, ExchangeState, Instrument


@admin.register(ExchangeState)
class ExchangeStateAdmin(HistoryAdmin):
    """Connection, lease and errors of each exchange. Higher rooms add actions with `exchange_action_add`."""

    list_display = ("exchange", "connection", "last_event_at", "markets_loaded_at", "consecutive_errors", "last_error")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Bulk actions need the right to change; the fields themselves stay read-only."""
        return obj is None and super(HistoryAdmin, self).has_change_permission(request, obj)


def exchange_action_add(action: Any) -> None:
    """Let a higher room offer a bulk action on exchanges."""
    ExchangeStateAdmin.actions = [*(ExchangeStateAdmin.actions or []), action]  # type: ignore[list-item]


@admin.register(Instrument)
class InstrumentAdmin(HistoryAdmin):
    """Tradable pairs and why they are scanned or not."""

    list_display = ("symbol", "exchange", "selected", "active", "n_volume", "n_spread", "selection_reason")
    list_filter = ("exchange", "selected", "active", "quote")
    search_fields = ("symbol", "market_id")

    n_volume = number_column("volume_quote_24h", "24 h volume, quote")
    n_spread = number_column("spread", "Spread", 3, scale=100.0, unit=" %")


@admin.register(CandleSeries)
class CandleSeriesAdmin(HistoryAdmin):
    """What the candle store holds."""

    list_display = ("instrument", "timeframe", "n_rows", "n_gaps", "first_open", "last_open", "updated_at")
    list_filter = ("timeframe", "instrument__exchange")
    search_fields = ("instrument__symbol",)
    list_select_related = ("instrument",)

    n_rows = number_column("rows", "Candles")
    n_gaps = number_column("gaps", "Gaps")


@admin.register(CandleHole)
class CandleHoleAdmin(HistoryAdmin):
    """Where a series never had candles."""

    list_display = ("series", "first_open", "last_open", "reason", "found_at")
    list_filter = ("reason", "series__timeframe", "series__instrument__exchange")
    search_fields = ("series__instrument__symbol",)
    list_select_related = ("series__instrument",)
