"""A part of a position, or another price of a waiting order, asked for by a plain POST."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from trading.models import Order, Position
from trading.services import by_hand
from trading.views.actions import client_ip, error_lines
from trading.views.methods import post_only
from trading.views.overview import next_of
from trading.views.scope import user_of


@login_required
@post_only("overview")
def position_reduce(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Ask for a part of one position to be sold at market."""
    rows = Position.objects.select_related("bot", "instrument").filter(bot__user=user_of(request))
    position = get_object_or_404(rows, public_id=public_id)
    given = {name: request.POST.get(name, "") for name in ("share", "amount")}
    try:
        by_hand.position_reduce_request(position=position, actor=user_of(request), ip=client_ip(request), **given)
        messages.success(request, f"Selling a part of {position.instrument.symbol}: the order is on its way.")
    except ValidationError as error:
        for line in error_lines(error):
            messages.error(request, line)
    return redirect(next_of(request, reverse("trade_detail", args=[public_id])))


@login_required
@post_only("order_list")
def order_change(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Ask for another price or amount of one waiting order."""
    rows = Order.objects.select_related("bot", "instrument").filter(bot__user=user_of(request))
    order = get_object_or_404(rows, public_id=public_id)
    given = {name: request.POST.get(name, "") for name in ("limit_price", "amount")}
    try:
        by_hand.order_replace_request(order=order, actor=user_of(request), ip=client_ip(request), **given)
        messages.success(request, "Change asked. The new order is sent once the old one is proved gone.")
    except ValidationError as error:
        for line in error_lines(error):
            messages.error(request, line)
    return redirect(next_of(request, reverse("order_list")))
