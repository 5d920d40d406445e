"""Alerts: everything that the platform told the user."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.models import Notice
from accounts.services.notices import notices_mark_read
from trading.views.filters import Filters
from trading.views.methods import get_only, post_only
from trading.views.scope import user_of

PER_PAGE = 40


@login_required
@get_only
def notice_list(request: HttpRequest) -> HttpResponse:
    """All notices, newest first."""
    rows = Notice.objects.filter(user=user_of(request))
    filters = Filters(request)
    if level := filters.choice("level", "kind of alert", Notice.Level.values, Notice.Level.labels):
        rows = rows.filter(level=level)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    template = "notices/_list.html" if request.htmx else "notices/list.html"  # type: ignore[attr-defined]
    context = {"page": page, "levels": Notice.Level.choices, "level": level, "filters": filters}
    return render(request, template, context)


@login_required
@post_only("notice_list")
def notices_read(request: HttpRequest) -> HttpResponse:
    """Mark all as read."""
    notices_mark_read(user=user_of(request))
    return redirect("notice_list")
