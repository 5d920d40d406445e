"""Admin of the market side: exchanges, instruments, candles, strategies, scans, signals, outcomes."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateTimeFilter

from accounts.admin import AuditedAdmin, HistoryAdmin, staff_of
from accounts.services.audit import audit_record
from signals.domain.strategies import ParameterError, strategy_of
from signals.models import CandleSeries, ExchangeState, Instrument, Outcome, Scan, Signal, Strategy
from signals.services.strategies import strategy_change, strategy_enable


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

    list_display = ("symbol", "exchange", "selected", "active", "volume_quote_24h", "spread", "selection_reason")
    list_filter = ("exchange", "selected", "active", "quote")
    search_fields = ("symbol", "market_id")


@admin.register(CandleSeries)
class CandleSeriesAdmin(HistoryAdmin):
    """What the candle store holds."""

    list_display = ("instrument", "timeframe", "rows", "gaps", "first_open", "last_open", "revision", "updated_at")
    list_filter = ("timeframe", "instrument__exchange")
    search_fields = ("instrument__symbol",)
    list_select_related = ("instrument",)


@admin.register(Strategy)
class StrategyAdmin(AuditedAdmin):
    """Strategy versions. Saving changed parameters makes the next version; the old one stays as history."""

    list_display = ("name", "version", "kind", "enabled", "parameters", "created_at")
    list_filter = ("kind", "enabled")
    search_fields = ("name", "public_id")
    readonly_fields = ("public_id", "name", "kind", "version", "enabled", "created_at")
    actions = ("enable", "disable")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The registered kinds are created by the platform."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Signals refer to versions for ever."""
        return False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Parameters are checked by the strategy's own declaration."""
        form = super().get_form(request, obj, change, **kwargs)

        def clean_parameters(self: Any) -> dict[str, Any]:
            if self.instance.kind == "model":
                return self.instance.parameters
            try:
                return strategy_of(self.instance.kind).validate(self.cleaned_data["parameters"])
            except ParameterError as error:
                raise ValidationError(str(error)) from None

        form.clean_parameters = clean_parameters
        return form

    def save_model(self, request: HttpRequest, obj: Strategy, form: Any, change: bool) -> None:
        """Versions are immutable: a change of parameters is a new row."""
        if "parameters" in form.changed_data:
            stored = Strategy.objects.get(pk=obj.pk)
            new = strategy_change(strategy=stored, parameters=obj.parameters)
            audit_record(actor=staff_of(request), action="strategy.changed", obj=new, detail=new.parameters)
            self.message_user(request, f"{new} is in force; {stored} is kept as history.")

    @admin.action(description="Enable (scan it)")
    def enable(self, request: HttpRequest, queryset: QuerySet[Strategy]) -> None:
        """Scan these versions from the next candle on."""
        self._enable(request, queryset, True)

    @admin.action(description="Disable (do not scan it)")
    def disable(self, request: HttpRequest, queryset: QuerySet[Strategy]) -> None:
        """Stop scanning these versions."""
        self._enable(request, queryset, False)

    def _enable(self, request: HttpRequest, queryset: QuerySet[Strategy], enabled: bool) -> None:
        for strategy in queryset:
            strategy_enable(strategy=strategy, enabled=enabled)
            audit_record(
                actor=staff_of(request), action="strategy.enabled" if enabled else "strategy.disabled", obj=strategy
            )


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
