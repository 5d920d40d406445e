"""A stop's report: what it cancelled and closed, and what is left, filling as it happens."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from trading.models import StopSwitch
from trading.selectors.stop_report import stop_report
from trading.selectors.stops import stop_touches, stop_words
from trading.views.methods import get_only
from trading.views.scope import user_of


@login_required
@get_only
def stop_detail(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The report over the user's own accounts; stops that touch nothing of theirs are not there."""
    switch = StopSwitch.objects.select_related("set_by").filter(public_id=public_id).first()
    user = user_of(request)
    if switch is None or not stop_touches(switch, user):
        raise Http404("No such stop.")
    context = {"switch": switch, "words": stop_words(switch), "report": stop_report(switch, user)}
    template = "stops/_report.html" if request.htmx else "stops/detail.html"  # type: ignore[attr-defined]
    return render(request, template, context)
