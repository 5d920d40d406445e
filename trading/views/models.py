"""The models that learn from the market: who serves, who is watched, how sure their numbers are."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from trading.selectors.models import lanes_read
from trading.views.methods import get_only
from trading.views.scope import accounts_of


@login_required
@get_only
def model_list(request: HttpRequest) -> HttpResponse:
    """Models of the exchanges that are scanned or that the user has accounts at."""
    template = "models/_lanes.html" if request.htmx else "models/list.html"  # type: ignore[attr-defined]
    exchanges = {*settings.XRAY_MARKET_EXCHANGES, *(account.exchange for account in accounts_of(request))}
    return render(request, template, {"lanes": lanes_read(exchanges)})
