"""The list of signals, with filters and pages."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from signals.models import SIDES, Strategy
from trading.selectors.activity import signals_of
from trading.views.methods import get_only
from trading.views.scope import accounts_of

PER_PAGE = 50


@login_required
@get_only
def signal_list(request: HttpRequest) -> HttpResponse:
    """Signals of the exchanges that the user has accounts at, newest first."""
    rows = signals_of(account.exchange for account in accounts_of(request))
    page = Paginator(_filtered(rows, request), PER_PAGE).get_page(request.GET.get("page"))
    template = "signals/_table.html" if request.htmx else "signals/list.html"  # type: ignore[attr-defined]
    return render(request, template, {"page": page, **_choices(request)})


def _filtered(rows: Any, request: HttpRequest) -> Any:
    symbol = request.GET.get("symbol", "").strip().upper()
    strategy, side = request.GET.get("strategy", ""), request.GET.get("side", "")
    if symbol:
        rows = rows.filter(instrument__symbol__startswith=symbol)
    if strategy:
        rows = rows.filter(strategy__name=strategy)
    if side in dict(SIDES):
        rows = rows.filter(side=side)
    return rows


def _choices(request: HttpRequest) -> dict[str, Any]:
    names = Strategy.objects.order_by("name").values_list("name", flat=True).distinct()
    return {
        "strategies": list(names),
        "sides": SIDES,
        "chosen": {name: request.GET.get(name, "") for name in ("symbol", "strategy", "side")},
    }
