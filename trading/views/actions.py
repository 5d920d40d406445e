"""What a user does from any page by a plain POST: stop, close a position, enter by hand, move a bot."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from accounts.models import User
from trading.models import Bot, Order, Position, StopSwitch
from trading.selectors.shell import stops_over
from trading.selectors.standing import prices_problem
from trading.selectors.stops import stop_words
from trading.services import bots, intents, stops
from trading.views.methods import post_only
from trading.views.overview import next_of
from trading.views.scope import accounts_of, user_of

FLATTEN_WORD = "FLATTEN"
STOP_DONE = {
    1: "No new entries from now on. Open positions run on with their stops and targets.",
    2: "Reduce only: waiting entries are cancelled, bots may only close or shrink positions.",
    3: "Flattening: every open position is being sold at market, and nothing new is opened.",
}
STOP_LIFTED = "Trading goes on: your stop is lifted. Bots that were stopped or paused stay so."
BOT_DONE = {
    "start": "{} runs. Its first decision follows the next signal.",
    "resume": "{} runs again.",
    "pause": "{} is paused: no new entries. Open positions keep their stops and targets.",
    "stop": "{} is stopped. Open positions keep their stops, targets and holding times.",
    "delete": "{} is deleted. Its trades stay in the trade pool.",
}


def client_ip(request: HttpRequest) -> str | None:
    """Address of the client, for the audit trail."""
    return request.META.get("REMOTE_ADDR") or None


def error_lines(error: ValidationError) -> list[str]:
    """All messages of a refusal, without field names."""
    return [str(message) for message in error.messages]


@login_required
@post_only("overview")
def stop(request: HttpRequest) -> HttpResponse:
    """Set or lift the user's own stop; flatten needs the typed word."""
    user, level = user_of(request), request.POST.get("level", "")
    back = redirect(next_of(request, reverse("overview")))
    if level not in ("0", "1", "2", "3"):
        messages.error(request, "Choose a rung of the ladder: 1 no new entries, 2 reduce only, 3 flatten, or resume.")
        return back
    if level == "3" and request.POST.get("confirm", "").strip().upper() != FLATTEN_WORD:
        messages.error(request, f"Nothing was sold: type {FLATTEN_WORD} into the field beside the button to confirm.")
        return back
    target: dict[str, Any] = {"scope": StopSwitch.Scope.USER, "target": str(user.public_id), "actor": user}
    if level == "0":
        _stop_lift(request, user, target)
    else:
        switch = stops.stop_set(level=int(level), reason="From the page", **target)
        messages.success(request, STOP_DONE[int(level)])
        if switch.level == StopSwitch.Level.FLATTEN:
            return redirect("stop_detail", switch.public_id)
    return back


def _stop_lift(request: HttpRequest, user: User, target: dict[str, Any]) -> None:
    """Lift the user's own stop, and say what still holds."""
    lifted = stops.stops_clear(imposed=False, **target)
    left = [stop_words(stop) for stop in stops_over(user, accounts_of(request))]
    if left:
        done = "Your stop is lifted. " if lifted else ""
        messages.warning(request, f"{done}Still in force: {' '.join(left)}")
    elif lifted:
        messages.success(request, STOP_LIFTED)
    else:
        messages.info(request, "There was no stop of yours to lift.")


@login_required
@post_only("overview")
def position_close(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Ask for one position to be sold at market."""
    position = get_object_or_404(
        Position.objects.select_related("bot", "instrument"), public_id=public_id, bot__user=user_of(request)
    )
    try:
        intents.position_close_request(position=position, actor=user_of(request), ip=client_ip(request))
        messages.success(request, f"Closing {position.instrument.symbol}: the sale at market is on its way.")
    except ValidationError as error:
        _tell(request, error)
    return redirect(next_of(request, reverse("overview")))


@login_required
@post_only("order_list")
def order_cancel(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Ask for one open order to be cancelled."""
    order = get_object_or_404(Order.objects.select_related("bot"), public_id=public_id, bot__user=user_of(request))
    asked = intents.orders_cancel_request(orders=[order], actor=user_of(request), ip=client_ip(request))
    if asked:
        messages.success(request, "Cancel asked. Fills that happened before may still arrive.")
    else:
        messages.info(request, f"This order is {order.get_status_display().lower()} already: nothing to cancel.")
    return redirect(next_of(request, reverse("overview")))


@login_required
@post_only("bot_detail", "public_id")
def bot_action(request: HttpRequest, public_id: UUID, action: str) -> HttpResponse:
    """Start, stop, pause, resume or delete a bot."""
    bot = get_object_or_404(
        Bot.objects.select_related("account", "config", "user"),
        public_id=public_id,
        user=user_of(request),
        deleted_at=None,
    )
    if action not in BOT_DONE:
        raise Http404(action)
    try:
        _bot_move(bot, action, request)
        messages.success(request, BOT_DONE[action].format(bot.name))
        if action in ("start", "resume") and (waits := prices_problem(bot.account.exchange)):
            messages.warning(request, waits)
    except ValidationError as error:
        _tell(request, error)
        return redirect("bot_detail", public_id)
    return (
        redirect("bot_list")
        if action == "delete"
        else redirect(next_of(request, reverse("bot_detail", args=[public_id])))
    )


def _bot_move(bot: Bot, action: str, request: HttpRequest) -> None:
    user, ip = user_of(request), client_ip(request)
    reasons: dict[str, Any] = {"reason": f"{action.capitalize()} by its owner"} if action in ("stop", "pause") else {}
    service = {
        "start": bots.bot_start,
        "resume": bots.bot_resume,
        "pause": bots.bot_pause,
        "stop": bots.bot_stop,
        "delete": bots.bot_delete,
    }[action]
    service(bot=bot, actor=user, ip=ip, **reasons)


def _tell(request: HttpRequest, error: ValidationError) -> None:
    for line in error_lines(error):
        messages.error(request, line)
