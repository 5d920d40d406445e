"""Bots: list, form with checks while typing, and one bot's page."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from accounts.fields import decimal_text
from trading.forms import BY_NAME, NOTIFICATIONS, BotForm
from trading.models import Bot, Intent, Order, RiskEvent
from trading.selectors.bots import bot_cards
from trading.selectors.positions import open_rows
from trading.selectors.standing import prices_problem
from trading.selectors.stops import stop_words, stops_on_bot
from trading.services.bots import bot_configure, bot_create, bot_start
from trading.services.presets import PRESETS
from trading.views.actions import client_ip
from trading.views.methods import get_only, get_or_post, post_only
from trading.views.preview import preview_of
from trading.views.scope import account_shown, accounts_of, user_of

RECENT = 20
PREVIEWED = ("account", "symbols", "capital_per_trade", "max_positions", "stop_loss", "profit_target", "entry_type",
             "sizing", "equity_share", "risk_per_trade")  # fmt: skip


@login_required
@get_only
def bot_list(request: HttpRequest) -> HttpResponse:
    """All bots of the user."""
    template = "bots/_cards.html" if request.htmx else "bots/list.html"  # type: ignore[attr-defined]
    return render(request, template, {"cards": bot_cards(user_of(request))})


@login_required
@get_or_post
def bot_new(request: HttpRequest) -> HttpResponse:
    """Create a bot, and start it when asked to."""
    if not accounts_of(request):
        messages.warning(request, "A bot needs an account to trade with: add one first. Paper needs no keys.")
        return redirect("account_new")
    if request.method == "POST":
        return _saved(request, BotForm.posted(user_of(request), request.POST), None)
    preset = PRESETS.get(request.GET.get("preset", "demo"), {})
    form = BotForm.fresh(user_of(request), values=preset.get("values"))
    account = account_shown(request)
    form.raw = {
        **form.raw,
        "account": str(account.public_id) if account else "",
        "symbols": request.GET.get("symbols", ""),
    }
    return _form_page(request, form)


@login_required
@get_or_post
def bot_edit(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The next version of a bot's configuration."""
    bot = _bot(request, public_id)
    if request.method == "POST":
        return _saved(request, BotForm.posted(user_of(request), request.POST, bot), bot)
    return _form_page(request, BotForm.fresh(user_of(request), bot))


@login_required
@post_only("bot_list")
def bot_check(request: HttpRequest, public_id: UUID | None = None) -> HttpResponse:
    """Check the form while it is filled in: the field that changed, the preview and the section badges."""
    bot = _bot(request, public_id) if public_id else None
    form = BotForm.posted(user_of(request), request.POST, bot)
    name = request.POST.get("field", "")
    context = {**_form_context(form), "oob": True}
    if name in BY_NAME:
        context["field"] = form.field(name)
    return render(request, "bots/_check.html", context)


@login_required
@get_only
def bot_detail(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One bot: state, configuration versions, positions, orders, decisions and refusals."""
    bot = _bot(request, public_id)
    return render(request, "bots/detail.html", _detail_context(request, bot))


@login_required
@get_only
def bot_block(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The live part of a bot's page, fetched after an event of this bot."""
    return render(request, "bots/_block.html", _detail_context(request, _bot(request, public_id)))


def _bot(request: HttpRequest, public_id: UUID) -> Bot:
    rows = Bot.objects.filter(user=user_of(request), deleted_at=None).select_related(
        "account", "config__strategy", "user"
    )
    return get_object_or_404(rows, public_id=public_id)


def _detail_context(request: HttpRequest, bot: Bot) -> dict[str, Any]:
    card = next((row for row in bot_cards(user_of(request)) if row.bot.pk == bot.pk), None)
    if card is None:
        raise Http404("No such bot.")
    orders = Order.objects.filter(bot=bot).select_related("instrument", "intent", "position")
    return {
        "bot": bot,
        "card": card,
        "stops": [stop_words(stop) for stop in stops_on_bot(bot)],
        "config": bot.config,
        "versions": list(bot.configs.select_related("strategy", "created_by")[:RECENT]),
        "rows": [row for row in open_rows(user=user_of(request)) if row.position.bot_id == bot.pk],
        "orders": list(orders[:RECENT]),
        "intents": list(Intent.objects.filter(bot=bot).select_related("instrument", "signal__strategy")[:RECENT]),
        "denials": list(RiskEvent.objects.filter(bot=bot).select_related("intent__instrument")[:RECENT]),
        "preview": preview_of(_values(bot)) if bot.config else None,
    }


def _values(bot: Bot) -> dict[str, Any]:
    return {"account": bot.account, **{name: getattr(bot.config, name) for name in PREVIEWED if name != "account"}}


def _saved(request: HttpRequest, form: BotForm, bot: Bot | None) -> HttpResponse:
    if form.errors:
        return _form_page(request, form, status=422)
    user, ip = user_of(request), client_ip(request)
    try:
        if bot is None:
            bot = bot_create(user=user, data=form.data, actor=user, ip=ip)
            messages.success(request, f"{bot.name} is saved.")
        else:
            apply = bool(request.POST.get("apply_to_open"))
            config = bot_configure(bot=bot, data=form.data, actor=user, apply_to_open=apply, ip=ip)
            messages.success(
                request, f"Version {config.version} is in force. A running bot takes it with its next decision."
            )
        if request.POST.get("then") == "start":
            bot_start(bot=bot, actor=user, ip=ip)
            messages.success(request, f"{bot.name} runs. Its first decision follows the next signal.")
            if waits := prices_problem(bot.account.exchange):
                messages.warning(request, waits)
    except ValidationError as error:
        for message in error.messages:
            messages.error(request, message)
        if bot is None:
            return _form_page(request, form, status=422)
    return redirect("bot_detail", bot.public_id)


def _form_page(request: HttpRequest, form: BotForm, status: int = 200) -> HttpResponse:
    context = {**_form_context(form), "presets": _presets(), "notification_choices": NOTIFICATIONS}
    context["chosen_preset"] = request.GET.get("preset", "demo") if request.method == "GET" else ""
    return render(request, "bots/form.html", context, status=status)


def _form_context(form: BotForm) -> dict[str, Any]:
    checked = form if form.checked else BotForm(user=form.user, raw=form.raw, bot=form.bot, checked=True)
    wrong = [name for name in PREVIEWED if name in checked.errors]
    return {
        "form": form,
        "bot": form.bot,
        "preview": None if wrong else preview_of(checked.clean),
        "capital_warning": " ".join(checked.warnings.get("capital_per_trade", [])),
        "first_error": BY_NAME[wrong[0]].label if wrong else "",
    }


def _presets() -> list[dict[str, Any]]:
    found = []
    for key, preset in PRESETS.items():
        title, _, text = preset["label"].partition(":")
        shown = {name: _shown_value(name, value) for name, value in preset["values"].items()}
        found.append(
            {
                "key": key,
                "script_id": f"preset-{key}",
                "title": title,
                "text": text.strip().capitalize(),
                "values": shown,
            }
        )
    return found


def _shown_value(name: str, value: Any) -> str:
    percent = name in BY_NAME and BY_NAME[name].percent
    return decimal_text(value * 100 if percent else value) if hasattr(value, "as_tuple") else str(value)
