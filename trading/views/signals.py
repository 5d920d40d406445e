"""The list of signals, with filters and pages."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from signals.models import SIDES, Strategy
from trading.selectors.activity import signals_of
from trading.views.filters import Filters
from trading.views.methods import get_only
from trading.views.scope import accounts_of

PER_PAGE = 50


@login_required
@get_only
def signal_list(request: HttpRequest) -> HttpResponse:
    """Signals of the exchanges that the user has accounts at, newest first."""
    rows = signals_of(account.exchange for account in accounts_of(request))
    filters = Filters(request)
    strategies = list(Strategy.objects.order_by("name").values_list("name", flat=True).distinct())
    page = Paginator(_filtered(rows, filters, strategies), PER_PAGE).get_page(request.GET.get("page"))
    template = "signals/_table.html" if request.htmx else "signals/list.html"  # type: ignore[attr-defined]
    context = {"page": page, "strategies": strategies, "sides": SIDES, "filters": filters, "chosen": filters.chosen}
    return render(request, template, context)


def _filtered(rows: Any, filters: Filters, strategies: list[str]) -> Any:
    if symbol := filters.text("symbol").upper():
        rows = rows.filter(instrument__symbol__startswith=symbol)
    if strategy := filters.choice("strategy", "strategy", strategies):
        rows = rows.filter(strategy__name=strategy)
    if side := filters.choice("side", "side", dict(SIDES)):
        rows = rows.filter(side=side)
    return rows
