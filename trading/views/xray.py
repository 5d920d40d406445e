"""The market X-ray: a heat map of every scanned symbol, and the scores of one."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from signals.models import Instrument, Regime, SymbolXray
from signals.selectors import xrays_of
from signals.xray_chart import chart_of, heat_step
from signals.xray_history import history_read
from trading.views.filters import Filters
from trading.views.methods import get_only
from trading.views.scope import account_shown

DRAWN = 480  # candles of the history that are drawn
SCORES = (
    ("trend", "Trend", True), ("momentum", "Momentum", True), ("volatility", "Volatility", False),
    ("volume", "Volume", False), ("liquidity", "Liquidity", False), ("potential", "Potential", False),
)  # fmt: skip
LARGE, WIDE = 4, 16  # tiles of the two larger sizes, by 24 h volume
ICONS = {"trend_up": "r_up", "trend_down": "r_down", "range": "r_range", "breakout": "spark", "panic": "warn"}


@dataclass(frozen=True, slots=True)
class Tile:
    """One symbol of the map: its row, size (xl, w or nothing), colour step, icon, and the trend from -100 to 100."""

    row: SymbolXray
    size: str
    heat: str
    icon: str
    score: str


@dataclass(frozen=True, slots=True)
class Regimes:
    """One regime as a filter: how many symbols are in it."""

    name: str
    label: str
    icon: str
    count: int


@dataclass(frozen=True, slots=True)
class Score:
    """One score as a bar: where it begins and how long it is, in percent; no text when it is not known."""

    label: str
    signed: bool
    text: str = ""
    left: int = 0
    width: int = 0
    tone: str = ""


@login_required
@get_only
def heat_map(request: HttpRequest) -> HttpResponse:
    """Symbols of the shown account's exchange, the largest 24 h volume first."""
    exchange, filters = _exchange(request), Filters(request)
    regime = filters.choice("regime", "regime", Regime.values, Regime.labels)
    timeframe = _timeframe(filters)
    tiles = _tiles(xrays_of(exchange=exchange, timeframe=timeframe))
    counted = [
        Regimes(name, label, ICONS.get(name, "info"), sum(tile.row.regime == name for tile in tiles))
        for name, label in Regime.choices
    ]
    context: dict[str, Any] = {
        "tiles": [tile for tile in tiles if not regime or tile.row.regime == regime],
        "candle": max((tile.row.candle_open_time for tile in tiles), default=None),
        "regimes": [one for one in counted if one.count or one.name == regime],
        "total": len(tiles), "exchange": exchange, "timeframe": timeframe, "regime": regime,
        "timeframes": settings.XRAY_TIMEFRAMES, "filters": filters,
    }  # fmt: skip
    return render(request, "xray/_map.html" if request.htmx else "xray/page.html", context)  # type: ignore[attr-defined]


@login_required
@get_only
def symbol_xray(request: HttpRequest, symbol: str) -> HttpResponse:
    """The scores of one symbol, its levels, what paid best, and the history as a drawing."""
    exchange, filters = _exchange(request), Filters(request)
    timeframe = _timeframe(filters)
    instrument = get_object_or_404(Instrument, exchange=exchange, symbol=symbol)
    row = SymbolXray.objects.filter(instrument=instrument, timeframe=timeframe).select_related("strategy").first()
    context: dict[str, Any] = {"instrument": instrument, "row": row, "filters": filters}
    if row:
        history = history_read(exchange=exchange, symbol=symbol, timeframe=timeframe, limit=DRAWN)
        context |= {
            "icon_name": ICONS.get(row.regime, "info"),
            "scores": [_score(label, getattr(row, name), signed) for name, label, signed in SCORES],
            "levels": [("Support", row.support, "below"), ("Resistance", row.resistance, "above")],
            "best": row.strategy is not None and row.strategy_mean is not None,
            "chart": chart_of(history),
        }
    return render(request, "xray/symbol.html", context)


def _exchange(request: HttpRequest) -> str:
    account = account_shown(request)
    return account.exchange if account else [*settings.XRAY_MARKET_EXCHANGES, *settings.XRAY_EXCHANGES][0]


def _timeframe(filters: Filters) -> str:
    return filters.choice("timeframe", "candle length", settings.XRAY_TIMEFRAMES) or str(settings.XRAY_TIMEFRAMES[0])


def _score(label: str, value: float | None, signed: bool) -> Score:
    if value is None:
        return Score(label, signed)
    percent = round(100.0 * value)
    if not signed:
        return Score(label, signed, f"{percent}", 0, percent)
    text = f"{percent:+d}".replace("-", "\N{MINUS SIGN}") if percent else "0"
    width = abs(percent) // 2
    return Score(label, signed, text, 50 if percent >= 0 else 50 - width, width, "up" if percent >= 0 else "down")


def _tiles(rows: list[SymbolXray]) -> list[Tile]:
    ordered = sorted(rows, key=lambda row: (-row.instrument.volume_quote_24h, row.instrument.symbol))
    return [_tile(row, rank) for rank, row in enumerate(ordered)]


def _tile(row: SymbolXray, rank: int) -> Tile:
    size = "xl" if rank < LARGE else "w" if rank < WIDE else ""
    score = "?" if row.trend is None else f"{round(100.0 * row.trend):+d}".replace("-", "\N{MINUS SIGN}")
    return Tile(row, size, heat_step(row.trend) or "0", ICONS.get(row.regime, "info"), score)
