"""The trade pool of the user: list with filters and sums, CSV, and why one trade was made."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from accounts.fields import decimal_text
from trading.models import Bot, Position
from trading.selectors.trade_story import STORY_ROWS, story_read
from trading.views.filters import Filters
from trading.views.methods import get_only
from trading.views.scope import user_of

PER_PAGE = 50
ZERO = Decimal(0)
RESULTS = {"win": "Wins", "loss": "Losses"}
CSV_HEAD = (
    *("trade", "symbol", "exchange", "mode", "bot", "config_version", "opened_at", "closed_at", "close_reason"),
    *("bought", "buy_cost", "sold", "sell_proceeds", "fees_quote", "realised_pnl", "quote_currency"),
    *("left_over", "left_over_cost", "taken_over", "taken_over_cost"),
)


@dataclass(frozen=True, slots=True)
class Sums:
    """Over all trades that match the filters, in quote currency."""

    count: int
    wins: int
    gross: Decimal
    fees: Decimal
    net: Decimal

    @property
    def fees_signed(self) -> Decimal:
        """Fees as the cost they are."""
        return -self.fees


@login_required
@get_only
def trade_list(request: HttpRequest) -> HttpResponse:
    """Closed trades, newest first, with the sums of all that match."""
    filters, choices = Filters(request), _choices(request)
    rows = trades_filtered(request, filters, choices)
    matching = list(rows.values_list("pk", "realised_pnl", "fees_quote"))
    if result := filters.choice("result", "result", RESULTS, RESULTS.values()):
        matching = [row for row in matching if (row[1] > 0) == (result == "win")]
        rows = rows.filter(pk__in=[row[0] for row in matching])
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    template = "trades/_table.html" if request.htmx else "trades/list.html"  # type: ignore[attr-defined]
    context = {"page": page, "sums": _sums(matching), "filters": filters, "chosen": filters.chosen, **choices}
    return render(request, template, context)


@login_required
@get_only
def trade_csv(request: HttpRequest) -> HttpResponse:
    """The same rows as a file: exact numbers, UTC times. What the list does not know, it says; a file cannot."""
    filters = Filters(request)
    rows = trades_filtered(request, filters, _choices(request))
    if filters.wrong:
        return redirect(f"{reverse('trade_list')}?{request.GET.urlencode()}")
    headers = {"Content-Disposition": 'attachment; filename="trades.csv"'}
    response = HttpResponse(content_type="text/csv", headers=headers)
    csv.writer(response).writerows(_csv_rows(rows))
    return response


@login_required
@get_only
def trade_detail(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Why this trade: signal, plan, checks, orders, fills, result; its live part after an event of an open one."""
    rows = Position.objects.filter(bot__user=user_of(request)).select_related(*STORY_ROWS)
    position = get_object_or_404(rows, public_id=public_id)
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "trades/_block.html", {"story": story_read(position)})
    newer = rows.filter(opened_at__gt=position.opened_at).order_by("opened_at").first()
    older = rows.filter(opened_at__lt=position.opened_at).order_by("-opened_at").first()
    return render(request, "trades/detail.html", {"story": story_read(position), "newer": newer, "older": older})


def trades_filtered(request: HttpRequest, filters: Filters, choices: dict[str, Any]) -> Any:
    """The user's closed positions that match symbol, bot and reason of the query."""
    rows = Position.objects.filter(bot__user=user_of(request), status=Position.Status.CLOSED)
    rows = rows.select_related("instrument", "bot", "account", "config").order_by("-closed_at", "-id")
    if symbol := filters.text("symbol").upper():
        rows = rows.filter(instrument__symbol__startswith=symbol)
    bots = {str(bot.pk): bot.name for bot in choices["bots"]}
    if bot := filters.choice("bot", "bot of yours", bots, bots.values()):
        rows = rows.filter(bot_id=int(bot))
    if reason := filters.choice("reason", "reason", choices["reasons"]):
        rows = rows.filter(close_reason=reason)
    return rows


def _sums(rows: list[tuple[int, Decimal, Decimal]]) -> Sums:
    fees = sum((row[2] for row in rows), ZERO)
    net = sum((row[1] for row in rows), ZERO)
    return Sums(len(rows), sum(1 for row in rows if row[1] > 0), net + fees, fees, net)


def _choices(request: HttpRequest) -> dict[str, Any]:
    user = user_of(request)
    reasons = Position.objects.filter(bot__user=user).exclude(close_reason="").order_by("close_reason")
    return {
        "bots": list(Bot.objects.filter(user=user)),
        "reasons": list(reasons.values_list("close_reason", flat=True).distinct()),
        "results": RESULTS,
    }


def _csv_rows(rows: Any) -> Iterator[tuple[Any, ...]]:
    yield CSV_HEAD
    for row in rows.iterator(chunk_size=500):
        numbers = (row.bought, row.buy_cost, row.sold, row.sell_proceeds, row.fees_quote, row.realised_pnl)
        yield (
            row.public_id,
            row.instrument.symbol,
            row.account.exchange,
            row.account.mode,
            _safe(row.bot.name),
            row.config.version,
            row.opened_at.isoformat(),
            row.closed_at.isoformat() if row.closed_at else "",
            row.close_reason,
            *(decimal_text(number) for number in numbers),
            row.account.quote_currency,
            *(decimal_text(number) for number in (row.dust, row.dust_cost, row.dust_moved, row.cost_moved)),
        )


def _safe(text: str) -> str:
    """A name that a spreadsheet takes for a formula is quoted."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
