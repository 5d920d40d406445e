"""The list of the user's orders."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from trading.models import Order
from trading.selectors.activity import orders_of
from trading.views.filters import Filters
from trading.views.methods import get_only
from trading.views.scope import user_of

PER_PAGE = 50


@login_required
@get_only
def order_list(request: HttpRequest) -> HttpResponse:
    """Orders of all bots, newest first, of one state when asked for."""
    filters = Filters(request)
    rows = orders_of(user_of(request), filters.choice("status", "state", Order.Status.values, Order.Status.labels))
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    template = "orders/_table.html" if request.htmx else "orders/list.html"  # type: ignore[attr-defined]
    context = {"page": page, "statuses": Order.Status.choices, "filters": filters, "chosen": filters.chosen}
    return render(request, template, context)
