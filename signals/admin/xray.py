"""The X-ray in the admin: coloured scores of every symbol, its history as a drawing, and what paid by regime."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import F
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin import HistoryAdmin
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
        text = f"{value:+.2f}".replace("-", "\N{MINUS SIGN}") if signed else f"{value:.2f}"
        return format_html('<span class="xray-cell heat-{}">{}</span>', step, text)

    return shown


@admin.register(SymbolXray)
class SymbolXrayAdmin(HistoryAdmin):
    """The latest state of every symbol; the drawing of its history stands above it."""

    list_display = (
        "instrument", "timeframe", "told_regime", "told_potential", "best", "told_trend", "told_momentum",
        "told_volatility", "told_volume", "told_support", "told_resistance", "told_liquidity", "candle_open_time",
    )  # fmt: skip
    list_filter = ("regime", "timeframe", "instrument__exchange", "strategy")
    search_fields = ("instrument__symbol", "public_id")
    list_select_related = ("instrument", "strategy")
    ordering = (F("potential").desc(nulls_last=True), "instrument__symbol")
    change_form_outer_before_template = "admin/signals/xray_history.html"

    told_trend = _column("trend", "Trend", True)
    told_momentum = _column("momentum", "Momentum", True)
    told_volatility = _column("volatility", "Volatility", False)
    told_volume = _column("volume", "Volume", False)
    told_liquidity = _column("liquidity", "Liquidity", False)
    told_potential = _column("potential", "Potential", False)

    class Media:
        css = {"all": ("css/tokens.css", "css/xray_admin.css")}

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

    @admin.display(description="Support (ATR)", ordering="support")
    def told_support(self, row: SymbolXray) -> str:
        """Ranges down to it."""
        return "-" if row.support is None else f"{row.support:.1f}"

    @admin.display(description="Resistance (ATR)", ordering="resistance")
    def told_resistance(self, row: SymbolXray) -> str:
        """Ranges up to it."""
        return "-" if row.resistance is None else f"{row.resistance:.1f}"

    @admin.display(description="Paid best here")
    def best(self, row: SymbolXray) -> str:
        """The strategy with its sample, or why there is none."""
        if row.strategy is None or row.strategy_mean is None:
            return row.strategy_note
        return f"{row.strategy}: {row.strategy_mean:+.3%} a trade, n = {row.strategy_trades:,}"


def _history(row: SymbolXray) -> list[dict[str, Any]]:
    instrument = row.instrument
    return history_read(
        exchange=instrument.exchange, symbol=instrument.symbol, timeframe=row.timeframe, limit=DRAWN
    )  # fmt: skip


@admin.register(RegimeResult)
class RegimeResultAdmin(HistoryAdmin):
    """What each strategy version paid by regime."""

    list_display = ("exchange", "timeframe", "regime", "strategy", "source", "trades", "told_mean", "won_share",
                    "measured_at")  # fmt: skip
    list_filter = ("regime", "source", "timeframe", "exchange", "strategy")
    list_select_related = ("strategy",)

    @admin.display(description="Mean net return", ordering="mean")
    def told_mean(self, row: RegimeResult) -> str:
        """In percent."""
        return f"{row.mean:+.3%}"

    @admin.display(description="Won")
    def won_share(self, row: RegimeResult) -> str:
        """Of all trades."""
        return f"{row.won / row.trades:.0%}" if row.trades else "-"
