"""The deposit of the shown account: value, profit, returns, the curve with what was paid in, and every token."""

from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime

from trading.models import BalanceSnapshot, LedgerEntry
from trading.selectors.deposit_report import Deposit, deposit_read, history_read
from trading.selectors.equity import RANGES, curve_read
from trading.views.methods import get_only
from trading.views.scope import account_shown


@login_required
@get_only
def deposit(request: HttpRequest) -> HttpResponse:
    """The whole page."""
    account = account_shown(request)
    if account is None:
        return render(request, "deposit/page.html", {"account": None})
    history = history_read(account)
    context = {
        **_shown(deposit_read(account)),
        "ranges": list(RANGES),
        "range": "all",
        "equity_points": curve_read(account).points,
        "moves": [_mark(move) for move in history["moves"]],
        "newest": history["moves"][::-1][:8],
        "begun": BalanceSnapshot.objects.filter(account=account).exists(),
    }
    return render(request, "deposit/page.html", context)


@login_required
@get_only
def deposit_block(request: HttpRequest) -> HttpResponse:
    """Figures and tokens, fetched after an event that changed them."""
    account = account_shown(request)
    return render(request, "deposit/_now.html", {"account": None} if account is None else _shown(deposit_read(account)))


def _shown(found: Deposit) -> dict[str, Any]:
    return {
        "account": found.account,
        "deposit": found,
        "lines": [_line(line) for line in found.lines],
        "unpriced": found.unpriced,
    }


def _line(line: dict[str, Any]) -> dict[str, Any]:
    at = parse_datetime(line["at"]) if line["at"] else None
    route = " → ".join(line["route"]) if len(line["route"]) > 1 else ""
    return {**line, "at": at, "way": route, "locked": Decimal(line["locked"])}


def _mark(move: dict[str, Any]) -> dict[str, Any]:
    came = move["kind"] == LedgerEntry.Kind.DEPOSIT
    return {"time": int(move["at"].timestamp()), "came": came}
