"""Limits of an account, and what risk rules have refused and held back of a bot."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from accounts.fields import decimal_text
from accounts.models import ExchangeAccount
from trading.forms_account_limits import SPECS, as_fraction
from trading.models import Bot, OnBreach
from trading.selectors.risk import events_of, rules_of
from trading.services.limits import account_limits_of, account_limits_set, losses_count_anew
from trading.views.actions import client_ip
from trading.views.filters import Filters
from trading.views.methods import get_only, get_or_post, post_only
from trading.views.scope import user_of

PER_PAGE = 50


@login_required
@get_or_post
def account_limits(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """See and change them; what was typed is kept after a refusal."""
    account, typed = _account(request, public_id), {}
    errors: dict[str, str] = {}
    if request.method == "POST":
        typed = {spec.name: request.POST.get(spec.name, "").strip() for spec in SPECS}
        try:
            data = {spec.name: as_fraction(typed[spec.name]) if spec.percent else typed[spec.name] for spec in SPECS}
            account_limits_set(account=account, data=data, actor=user_of(request), ip=client_ip(request))
            messages.success(request, f"The limits of {account.name} are in force with its next decision.")
            return redirect("account_limits", account.public_id)
        except ValidationError as error:
            errors = _in_form_words(error)
    row = account_limits_of(account)
    fields = [
        {"spec": spec, "value": typed.get(spec.name, _shown(spec, row)), "error": errors.get(spec.name, "")}
        for spec in SPECS
    ]
    context = {"account": account, "fields": fields, "row": row, "choices": OnBreach.choices}
    return render(request, "exchange_accounts/limits.html", context, status=422 if errors else 200)


@login_required
@post_only("account_list")
def limits_count_anew(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Forget peak, the day's losses and pauses."""
    account = _account(request, public_id)
    losses_count_anew(account=account, actor=user_of(request), ip=client_ip(request))
    messages.success(request, f"Peak and losses of {account.name} are counted anew from now on.")
    return redirect("account_limits", account.public_id)


@login_required
@get_only
def bot_risk(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Everything that risk refused or held back of one bot, of one rule when asked for."""
    rows = Bot.objects.filter(user=user_of(request), deleted_at=None).select_related("account")
    bot = get_object_or_404(rows, public_id=public_id)
    rules = rules_of(bot)
    filters = Filters(request)
    rule = filters.choice("rule", "rule that refused anything here called", [name for name, _count in rules])
    page = Paginator(events_of(bot, rule), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "bot": bot, "page": page, "rules": rules, "rule": rule, "levels": dict(RISK_LEVELS), "filters": filters
    }  # fmt: skip
    return render(request, "bots/risk.html", context)


RISK_LEVELS = ((0, "Refused"), (1, "No new entries"), (2, "Reduce only"), (3, "Sells everything"))


def _account(request: HttpRequest, public_id: UUID) -> ExchangeAccount:
    rows = ExchangeAccount.objects.filter(user=user_of(request)).exclude(status=ExchangeAccount.Status.REMOVED)
    return get_object_or_404(rows, public_id=public_id)


def _shown(spec: Any, row: Any) -> str:
    value = getattr(row, spec.name)
    return decimal_text(value * 100) if spec.percent else str(value)


def _in_form_words(error: ValidationError) -> dict[str, str]:
    """Messages about fractions become messages about percentages, as the form asks for those."""
    words = {spec.name: spec.words for spec in SPECS if spec.percent}
    return {name: words.get(name, " ".join(found)) for name, found in error.message_dict.items()}
