"""A fee above a tenth of its trade: its numbers, and the button that accepts it."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from trading.models import OddFee
from trading.selectors.odd_fees import fees_open
from trading.services.odd_fees import fee_accept
from trading.views.actions import client_ip
from trading.views.methods import get_or_post
from trading.views.scope import user_of

DONE = (
    "The fee is accepted. The trade is booked with it within seconds, {} is compared with its exchange, and goes on if "
    "nothing else is open."
)


@login_required
@get_or_post
def odd_fee(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Look at one, and accept it: its owner, and staff for anybody."""
    user, rows = user_of(request), OddFee.objects.select_related("account__user", "accepted_by")
    fee = get_object_or_404(rows if user.is_staff else rows.filter(account__user=user), public_id=public_id)
    if request.method == "POST":
        try:
            fee_accept(fee=fee, actor=user, ip=client_ip(request))
            messages.success(request, DONE.format(fee.account.name))
        except ValidationError as error:
            for message in error.messages:
                messages.error(request, message)
        return redirect("account_list") if fee.account.user_id == user.pk else redirect("odd_fee", fee.public_id)
    base, _, quote = fee.symbol.partition("/")
    context = {"fee": fee, "account": fee.account, "base": base, "quote": quote}
    context["open"] = fees_open().filter(pk=fee.pk).exists()
    return render(request, "exchange_accounts/fee.html", context)
