"""The overview: value, PnL, drawdown, alerts, open positions, recent activity, bots. Blocks reload one by one."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from trading.context_processors import shell
from trading.selectors import activity
from trading.selectors.bots import bot_cards, drawdown_limit_of
from trading.selectors.equity import RANGES, curve_read
from trading.selectors.periods import CENT, periods_read
from trading.selectors.positions import open_rows, open_totals
from trading.views.methods import get_only, post_only
from trading.views.scope import SESSION_KEY, account_shown, accounts_of, user_of

RECENT = 8


@login_required
@get_only
def overview(request: HttpRequest) -> HttpResponse:
    """Everything of the shown account on one page."""
    context: dict[str, Any] = {"range": _range(request), "ranges": list(RANGES)}
    for build in BLOCKS.values():
        context.update(build(request))
    return render(request, "overview/page.html", context)


@login_required
@get_only
def overview_block(request: HttpRequest, block: str) -> HttpResponse:
    """One block of the overview, fetched after an event that changed its structure."""
    if block not in BLOCKS:
        raise Http404(block)
    return render(request, f"overview/_{block}.html", BLOCKS[block](request))


@login_required
@get_only
def shell_counts(request: HttpRequest) -> JsonResponse:
    """The small numbers of the navigation, fetched after an event that may have changed one."""
    values = shell(request)["shell"]
    names = ("positions_open", "bots_running", "unread")
    return JsonResponse({name: getattr(values, name) for name in names})


@login_required
@get_only
def shell_stop(request: HttpRequest) -> HttpResponse:
    """The STOP control as it is now, fetched after a stop was set or lifted."""
    return render(request, "shell/_stop.html")


@login_required
@get_only
def equity_data(request: HttpRequest) -> JsonResponse:
    """Points of the equity chart for a range."""
    account = account_shown(request)
    return JsonResponse({"points": curve_read(account, _range(request)).points if account else []})


@login_required
@post_only("overview")
def account_select(request: HttpRequest) -> HttpResponse:
    """Choose the account that the pages show."""
    wanted = request.POST.get("account", "")
    if not any(str(row.public_id) == wanted for row in accounts_of(request)):
        raise Http404("No such account.")
    request.session[SESSION_KEY] = wanted
    return redirect(next_of(request, reverse("overview")))


def next_of(request: HttpRequest, fallback: str) -> str:
    """The page to go back to: only a path of this site."""
    target = request.POST.get("next", "")
    return (
        target if target.startswith("/") and url_has_allowed_host_and_scheme(target, allowed_hosts=None) else fallback
    )


def _range(request: HttpRequest) -> str:
    name = request.GET.get("range", "1d")
    return name if name in RANGES else "1d"


def _kpis(request: HttpRequest) -> dict[str, Any]:
    account: Any = account_shown(request)
    if account is None:
        return {"account": None, "periods": []}
    return {
        "account": account,
        "curve": curve_read(account, "all"),
        "worth": _worth(account),
        "periods": periods_read(account, account.equity_now, account.deposits_now),
        "drawdown_limit": drawdown_limit_of(account),
        "equity_points": curve_read(account, _range(request)).points,
    }


def _worth(account: Any) -> dict[str, Any]:
    """Value in cents, and its parts: cash is what remains, so that both add up as written."""
    if account.equity_now is None:
        return {}
    equity, in_positions = account.equity_now.quantize(CENT), account.in_positions_now.quantize(CENT)
    return {"equity": equity, "in_positions": in_positions, "cash": equity - in_positions}


def _positions(request: HttpRequest) -> dict[str, Any]:
    account: Any = account_shown(request)
    rows = open_rows(user=user_of(request), account=account)
    in_positions = account.in_positions_now if account else None
    return {"rows": rows, "totals": open_totals(rows, in_positions), "account": account}


def _alerts(request: HttpRequest) -> dict[str, Any]:
    notices, waiting = activity.notices_newest(user_of(request), 4)
    return {"notices": notices, "waiting": waiting}


def _activity(request: HttpRequest) -> dict[str, Any]:
    account = account_shown(request)
    return {"orders": activity.orders_newest(account, RECENT), "fills": activity.fills_newest(account, RECENT)}


def _signals(request: HttpRequest) -> dict[str, Any]:
    return {"signals": activity.signals_newest(account_shown(request), RECENT)}


def _bots(request: HttpRequest) -> dict[str, Any]:
    return {"cards": bot_cards(user_of(request))}


BLOCKS = {
    "kpis": _kpis,
    "positions": _positions,
    "alerts": _alerts,
    "activity": _activity,
    "signals": _signals,
    "bots": _bots,
}
