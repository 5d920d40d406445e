"""The market X-ray: a heat map of every scanned symbol."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from signals.models import Regime, SymbolXray
from signals.selectors import xrays_of
from signals.xray_chart import heat_step
from trading.views.methods import get_only
from trading.views.scope import account_shown

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


@login_required
@get_only
def heat_map(request: HttpRequest) -> HttpResponse:
    """Symbols of the shown account's exchange, the largest 24 h volume first."""
    account = account_shown(request)
    exchange = account.exchange if account else [*settings.XRAY_MARKET_EXCHANGES, *settings.XRAY_EXCHANGES][0]
    timeframe, regime = request.GET.get("timeframe", ""), request.GET.get("regime", "")
    timeframe = timeframe if timeframe in settings.XRAY_TIMEFRAMES else settings.XRAY_TIMEFRAMES[0]
    tiles = _tiles(xrays_of(exchange=exchange, timeframe=timeframe))
    context: dict[str, Any] = {
        "tiles": [tile for tile in tiles if not regime or tile.row.regime == regime],
        "candle": max((tile.row.candle_open_time for tile in tiles), default=None),
        "counts": [(label, sum(tile.row.regime == name for tile in tiles)) for name, label in Regime.choices],
        "total": len(tiles), "exchange": exchange, "timeframe": timeframe, "regime": regime,
        "timeframes": settings.XRAY_TIMEFRAMES, "regimes": Regime.choices,
    }  # fmt: skip
    return render(request, "xray/page.html", context)


def _tiles(rows: list[SymbolXray]) -> list[Tile]:
    ordered = sorted(rows, key=lambda row: (-row.instrument.volume_quote_24h, row.instrument.symbol))
    return [_tile(row, rank) for rank, row in enumerate(ordered)]


def _tile(row: SymbolXray, rank: int) -> Tile:
    size = "xl" if rank < LARGE else "w" if rank < WIDE else ""
    score = "?" if row.trend is None else f"{round(100.0 * row.trend):+d}".replace("-", "\N{MINUS SIGN}")
    return Tile(row, size, heat_step(row.trend) or "0", ICONS.get(row.regime, "info"), score)
