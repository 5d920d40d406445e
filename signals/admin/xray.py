"""The X-ray in the admin: coloured scores of every symbol, its history as a drawing, and what paid by regime."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import F
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin import HistoryAdmin
from signals.admin.columns import number_column, number_told
from signals.models import RegimeResult, SymbolXray
from signals.xray_chart import chart_of, heat_step
from signals.xray_history import history_read

DRAWN = 480  # candles of the history that are drawn


def _column(name: str, words: str, signed: bool) -> Callable[[Any, SymbolXray], SafeString | str]:
    """A coloured column of the list; unsigned scores are coloured from their middle on."""

    @admin.display(description=words, ordering=name)
    def shown(_admin: Any, row: SymbolXray) -> SafeString | str:
        value = getattr(row, name)
        if value is None:
            return "-"
        step = heat_step(value if signed else 2.0 * value - 1.0)
        text = f"{round(value, 2) + 0.0:+.2f}".replace("-", "\N{MINUS SIGN}") if signed else f"{value:.2f}"
        return format_html('<span class="xray-cell heat-{}">{}</span>', step, text)

    return shown


@admin.register(SymbolXray)
class SymbolXrayAdmin(HistoryAdmin):
    """The latest state of every symbol; the drawing of its history stands above it."""

    list_display = (
        "symbol", "told_regime", "n_potential", "n_trend", "n_momentum", "n_volatility", "n_volume",
        "n_support", "n_resistance", "n_liquidity", "best",
    )  # fmt: skip
    list_filter = ("regime", "timeframe", "instrument__exchange", "strategy")
    search_fields = ("instrument__symbol", "public_id")
    list_select_related = ("instrument", "strategy")
    ordering = (F("potential").desc(nulls_last=True), "instrument__symbol")
    change_form_outer_before_template = "admin/signals/xray_history.html"
    readonly_fields = (
        "told_regime", "n_potential", "n_trend", "n_momentum", "n_volatility", "n_volume", "n_support", "n_resistance",
        "n_liquidity", "best", "strategy_note",
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": ("instrument", "timeframe", "told_regime", "regime_since", "candle_open_time")}),
        ("Scores", {
            "fields": ("n_trend", "n_momentum", "n_volatility", "n_volume", "n_liquidity", "n_potential", "n_support",
                       "n_resistance"),
            "description": "Trend and momentum run from \N{MINUS SIGN}1 (down) to +1 (up), the others from 0 to 1. "
                           "Volatility and volume are ranks among the last 240 candles. Support and resistance are "
                           "distances in ATR, the usual range of a candle.",
        }),
        ("Paid best in this regime", {"fields": ("best", "strategy_note")}),
        ("Record", {"fields": ("public_id", "updated_at")}),
    )  # fmt: skip

    n_trend = _column("trend", "Trend", True)
    n_momentum = _column("momentum", "Momentum", True)
    n_volatility = _column("volatility", "Volatility", False)
    n_volume = _column("volume", "Volume", False)
    n_liquidity = _column("liquidity", "Liquidity", False)
    n_potential = _column("potential", "Potential", False)

    class Media:
        css = {"all": ("css/tokens.css", "css/xray_admin.css", "css/xray_chart.css")}

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        """With the drawing of the newest candles."""
        row = self.get_object(request, object_id)
        extra = {"xray_chart": chart_of(_history(row)) if row else None, "xray_drawn": DRAWN}
        return super().change_view(request, object_id, form_url, extra | (extra_context or {}))

    @admin.display(description="Regime", ordering="regime")
    def told_regime(self, row: SymbolXray) -> SafeString:
        """In words, with how clear it is."""
        strength = "" if row.strength is None else f" {row.strength:.0%}"
        return format_html('<span class="xray-regime {}">{}</span>{}', row.regime, row.get_regime_display(), strength)

    @admin.display(description="Supp., ATR", ordering="support")
    def n_support(self, row: SymbolXray) -> SafeString | str:
        """Ranges down to it."""
        return "-" if row.support is None else number_told(row.support, 1)

    @admin.display(description="Resist., ATR", ordering="resistance")
    def n_resistance(self, row: SymbolXray) -> SafeString | str:
        """Ranges up to it."""
        return "-" if row.resistance is None else number_told(row.resistance, 1)

    @admin.display(description="Paid best here")
    def best(self, row: SymbolXray) -> SafeString | str:
        """The strategy with its sample, or that there is none (a pointer on it tells why)."""
        if row.strategy is None or row.strategy_mean is None:
            return format_html('<span title="{}">not known yet</span>', row.strategy_note)
        mean = f"{row.strategy_mean:+.3%}".replace("-", "\N{MINUS SIGN}")
        return f"{row.strategy}: {mean} a trade, n = {row.strategy_trades:,}"

    @admin.display(description="Symbol", ordering="instrument__symbol")
    def symbol(self, row: SymbolXray) -> str:
        """Of the instrument, with the timeframe."""
        return f"{row.instrument.symbol} {row.timeframe}"


def _history(row: SymbolXray) -> list[dict[str, Any]]:
    instrument = row.instrument
    return history_read(
        exchange=instrument.exchange, symbol=instrument.symbol, timeframe=row.timeframe, limit=DRAWN
    )  # fmt: skip


@admin.register(RegimeResult)
class RegimeResultAdmin(HistoryAdmin):
    """What each strategy version paid by regime."""

    list_display = ("exchange", "timeframe", "regime", "strategy", "source", "n_trades", "n_mean", "n_won")  # fmt: skip
    list_filter = ("regime", "source", "timeframe", "exchange", "strategy")
    list_select_related = ("strategy",)

    n_trades = number_column("trades", "Trades")
    n_mean = number_column("mean", "Mean net return", 3, scale=100.0, unit=" %", signed=True)

    @admin.display(description="Won")
    def n_won(self, row: RegimeResult) -> SafeString | str:
        """Of all trades."""
        return number_told(100.0 * row.won / row.trades, unit=" %") if row.trades else "-"
