"""Exchange accounts: list, add (secrets are written, never shown), verify, replace keys, pause, remove."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters

from accounts.exchanges.quirks import testnet_titles
from accounts.models import EXCHANGES, ExchangeAccount
from accounts.services import exchange_accounts as service
from trading.selectors.accounts import checks_attach
from trading.services.reconciliation import check_request
from trading.views.actions import client_ip
from trading.views.methods import get_only, get_or_post, post_only
from trading.views.scope import accounts_of, user_of

NEEDS_PASSPHRASE = ("kucoin", "okx")
KEPT = ("name", "exchange", "mode", "quote_currency", "paper_start_balance")
MODE_HELP = {
    "paper": "Our fills on the real market's prices. No keys, play money.",
    "practice": "Real orders to the practice exchange that this platform is pointed at.",
    "testnet": f"Real orders to the exchange's test network. {testnet_titles()} have one.",
    "live": "Real orders with real money. Off until the platform and you allow it.",
}
DONE = {
    "verify": "The keys of {} are being checked. The result appears here.",
    "pause": "{} is paused: none of its bots trades.",
    "resume": "{} may trade again.",
    "compare": "{} is compared with its exchange; what differs appears here.",
    "attest": "Noted: you vouch that the key of {} may not withdraw.",
    "live_on": "Live trading is on for {}.",
    "live_off": "Live trading is off for {}.",
    "remove": "{} is removed and its keys are deleted. Its history stays.",
}


@login_required
@get_only
def account_list(request: HttpRequest) -> HttpResponse:
    """All accounts of the user."""
    template = "exchange_accounts/_cards.html" if request.htmx else "exchange_accounts/list.html"  # type: ignore[attr-defined]
    accounts = accounts_of(request)
    checks_attach(accounts)
    return render(request, template, {"accounts": accounts})


@sensitive_post_parameters("api_key", "api_secret", "passphrase")
@login_required
@get_or_post
def account_new(request: HttpRequest) -> HttpResponse:
    """Add an account; what was typed is kept after a refusal, except secrets."""
    values = {
        "exchange": user_of(request).preferred_exchange,
        "mode": "paper",
        "quote_currency": "USDT",
        "paper_start_balance": "10000",
    }
    if request.method == "GET":
        return _form(request, values)
    values = {name: request.POST.get(name, "").strip() for name in KEPT}
    paper = values["mode"] == ExchangeAccount.Mode.PAPER
    keys: dict[str, Any] = {} if paper else _secrets(request)
    start = values["paper_start_balance"] if paper else None
    try:
        fields: dict[str, Any] = {name: values[name] for name in KEPT if name != "paper_start_balance"}
        account = service.account_add(
            user=user_of(request),
            paper_start_balance=start,
            actor=user_of(request),
            ip=client_ip(request),
            **fields,
            **keys,
        )
    except ValidationError as error:
        return _form(request, values, _errors(error), status=422)
    messages.success(
        request, f"{account.name} is added." if paper else f"{account.name} is added; its keys are being checked."
    )
    return redirect("account_list")


@sensitive_post_parameters("api_key", "api_secret", "passphrase")
@login_required
@get_or_post
def account_keys(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Replace the keys of an account."""
    account = _account(request, public_id)
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            service.account_replace_keys(
                account=account, actor=user_of(request), ip=client_ip(request), **_secrets(request)
            )
            messages.success(request, f"New keys of {account.name} are stored and being checked.")
            return redirect("account_list")
        except ValidationError as error:
            errors = _errors(error)
    context = {"account": account, "errors": errors, "needs_passphrase": account.exchange in NEEDS_PASSPHRASE}
    return render(request, "exchange_accounts/keys.html", context, status=422 if errors else 200)


@login_required
@post_only("account_list")
def account_action(request: HttpRequest, public_id: UUID, action: str) -> HttpResponse:
    """Verify, compare, pause, resume, attest, switch live on or off, remove."""
    account = _account(request, public_id)
    if action not in DONE:
        raise Http404(action)
    try:
        _act(account, action, request)
        messages.success(request, DONE[action].format(account.name))
    except ValidationError as error:
        for message in error.messages:
            messages.error(request, message)
    return redirect("account_list")


def _act(account: ExchangeAccount, action: str, request: HttpRequest) -> None:
    common: dict[str, Any] = {"account": account, "actor": user_of(request), "ip": client_ip(request)}
    if action in ("live_on", "live_off"):
        service.account_live_set(enabled=action == "live_on", **common)
        return
    if action == "remove" and request.POST.get("confirm", "").strip() != account.name:
        raise ValidationError(f"Nothing was removed: type the account's name, {account.name}, to confirm.")
    if action == "compare":
        check_request(account=account)
        return
    {
        "verify": service.account_verify_request,
        "pause": service.account_pause,
        "resume": service.account_resume,
        "attest": service.account_attest,
        "remove": service.account_remove,
    }[action](**common)


def _account(request: HttpRequest, public_id: UUID) -> ExchangeAccount:
    rows = ExchangeAccount.objects.filter(user=user_of(request)).exclude(status=ExchangeAccount.Status.REMOVED)
    return get_object_or_404(rows, public_id=public_id)


def _secrets(request: HttpRequest) -> dict[str, str]:
    return {name: request.POST.get(name, "").strip() for name in ("api_key", "api_secret", "passphrase")}


def _errors(error: ValidationError) -> dict[str, str]:
    if not hasattr(error, "error_dict"):
        return {"form": " ".join(error.messages)}
    return {name: " ".join(found) for name, found in error.message_dict.items()}


def _form(
    request: HttpRequest, values: dict[str, str], errors: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    shown = set(KEPT) | {"api_key", "api_secret", "passphrase"}
    context = {
        "values": values,
        "errors": errors or {},
        "other_errors": [text for name, text in (errors or {}).items() if name not in shown],
        "exchanges": EXCHANGES,
        "modes": [(key, label, MODE_HELP[key]) for key, label in ExchangeAccount.Mode.choices],
        "live_possible": settings.XRAY_LIVE_TRADING,
    }
    return render(request, "exchange_accounts/form.html", context, status=status)
