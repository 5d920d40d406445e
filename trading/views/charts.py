"""The chart of one symbol: candles, own entries and exits, plan of the open position, manual entry."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render

from accounts.fields import storable
from accounts.models import EXCHANGES
from signals import quotes
from signals.models import Instrument
from trading.models import Bot, Fill, Position
from trading.selectors.activity import signals_of
from trading.selectors.positions import OPEN, open_rows
from trading.services.intents import entry_request
from trading.views.actions import client_ip
from trading.views.methods import get_only, post_only
from trading.views.scope import account_shown, user_of

CANDLES = 600
MARKERS = 400
RECENT = 8


@login_required
@get_only
def chart_default(request: HttpRequest) -> HttpResponse:
    """The chart of the symbol that is looked for, else of the newest open position, else of the most volume."""
    exchange = _exchange(request)
    if typed := request.GET.get("symbol", "").strip():
        return _found(request, exchange, typed)
    held = Position.objects.filter(bot__user=user_of(request), status__in=OPEN, account__exchange=exchange)
    row = held.select_related("instrument").first()
    found = row.instrument if row else _listed(exchange).order_by("-selected", "-volume_quote_24h").first()
    if found is None:
        return render(request, "chart/empty.html", {"exchange": exchange})
    return redirect("chart", found.symbol)


def _found(request: HttpRequest, exchange: str, typed: str) -> HttpResponse:
    """To the symbol of that name, or the one with the most volume that begins so; else back, and why."""
    rows = _listed(exchange).order_by("-volume_quote_24h")
    name = typed.upper().replace("-", "/") if storable(typed) else ""
    found = rows.filter(symbol=name).first() or (rows.filter(symbol__startswith=name).first() if name else None)
    if found is None:
        title = dict(EXCHANGES).get(exchange, exchange)
        words = f"No symbol that {title} trades begins with “{typed[:40]}”. Try a coin's short name, such as BTC."
        messages.warning(request, words)
        back = request.GET.get("from", "")
        found = rows.filter(symbol=back).first() if storable(back) else None
    return redirect("chart", found.symbol) if found else redirect("chart_default")


@login_required
@get_only
def chart(request: HttpRequest, symbol: str) -> HttpResponse:
    """One symbol."""
    return render(request, "chart/page.html", _context(request, _instrument(request, symbol)))


@login_required
@get_only
def chart_side(request: HttpRequest, symbol: str) -> HttpResponse:
    """The panel beside the chart, fetched after an event that changed its structure."""
    return render(request, "chart/_side.html", _context(request, _instrument(request, symbol)))


@login_required
@get_only
def chart_data(request: HttpRequest, symbol: str) -> JsonResponse:
    """Candles [seconds, open, high, low, close, volume], markers and price lines. `since` (ms) asks for newer ones."""
    instrument = _instrument(request, symbol)
    timeframe = request.GET.get("timeframe", settings.XRAY_TIMEFRAMES[0])
    if timeframe not in settings.XRAY_TIMEFRAMES:
        allowed = ", ".join(settings.XRAY_TIMEFRAMES)
        return JsonResponse({"error": f"Unknown timeframe. One of: {allowed}."}, status=400)
    since = request.GET.get("since", "")
    since_ms = int(since) if since.isdecimal() and len(since) < 15 else None
    return JsonResponse(
        {
            "candles": _candles(instrument, timeframe, since_ms),
            "markers": _markers(request, instrument),
            "lines": _lines(request, instrument),
        }
    )


@login_required
@post_only("chart", "symbol")
def entry(request: HttpRequest, symbol: str) -> HttpResponse:
    """A manual entry through one of the user's bots."""
    instrument = _instrument(request, symbol)
    user = user_of(request)
    given = {name: request.POST.get(name, "").strip() for name in ("bot", "amount_quote", "limit_price")}
    try:
        bot = _bot_of(request, given["bot"])
        entry_request(
            bot=bot,
            symbol=instrument.symbol,
            amount_quote=given["amount_quote"],
            limit_price=given["limit_price"] or None,
            actor=user,
            ip=client_ip(request),
        )
    except ValidationError as error:
        context = _context(request, instrument)
        context.update(entry=given, entry_errors=_errors(error))
        return render(request, "chart/page.html", context, status=422)
    messages.success(request, f"The entry into {instrument.symbol} is queued. Risk checks decide within seconds.")
    return redirect("chart", instrument.symbol)


def _bot_of(request: HttpRequest, reference: str) -> Bot:
    rows = Bot.objects.filter(user=user_of(request), deleted_at=None).select_related("account", "config", "user")
    if not reference.isdecimal() or len(reference) > 17:
        raise ValidationError({"bot": ["Choose the bot whose plan and limits the entry follows."]})
    return get_object_or_404(rows, pk=int(reference))


def _errors(error: ValidationError) -> dict[str, str]:
    if not hasattr(error, "error_dict"):
        return {"form": " ".join(error.messages)}
    known = ("bot", "amount_quote", "limit_price")
    found = {name: " ".join(texts) for name, texts in error.message_dict.items()}
    rest = [text for name, text in found.items() if name not in known]
    return {
        **{name: text for name, text in found.items() if name in known},
        **({"form": " ".join(rest)} if rest else {}),
    }


def _exchange(request: HttpRequest) -> str:
    account = account_shown(request)
    return account.exchange if account else settings.XRAY_MARKET_EXCHANGES[0]


def _listed(exchange: str) -> Any:
    return Instrument.objects.filter(exchange=exchange, active=True, market_type="spot")


def _instrument(request: HttpRequest, symbol: str) -> Instrument:
    name = symbol.strip().upper().replace("-", "/")
    found = Instrument.objects.filter(exchange=_exchange(request), symbol=name).first()
    if found is None:
        raise Http404(f"{name} is not traded at {_exchange(request)}.")
    return found


def _context(request: HttpRequest, instrument: Instrument) -> dict[str, Any]:
    user, account = user_of(request), account_shown(request)
    bots = Bot.objects.filter(
        user=user, deleted_at=None, account__exchange=instrument.exchange, status=Bot.Status.RUNNING
    )
    return {
        "instrument": instrument,
        "account": account,
        "quote": quotes.latest(instrument.exchange, instrument.symbol),
        "rows": open_rows(user=user, symbol=instrument.symbol),
        "bots": list(bots.select_related("account", "config")),
        "signals": list(signals_of([]).filter(instrument=instrument)[:RECENT]),
        "symbols": list(_listed(instrument.exchange).filter(selected=True).values_list("symbol", flat=True)[:300]),
        "timeframes": settings.XRAY_TIMEFRAMES,
        "entry": {"bot": "", "amount_quote": "", "limit_price": ""},
        "entry_errors": {},
    }


def _candles(instrument: Instrument, timeframe: str, since_ms: int | None) -> list[list[float]]:
    from signals.candles.cache import history_cached

    table = history_cached(
        exchange=instrument.exchange, symbol=instrument.symbol, timeframe=timeframe, since_ms=since_ms, limit=CANDLES
    )
    columns = (table.open, table.high, table.low, table.close, table.volume)
    rows = zip(table.open_time_ms.tolist(), *(column.tolist() for column in columns), strict=True)
    return [[at // 1000, *values] for at, *values in rows]


def _markers(request: HttpRequest, instrument: Instrument) -> list[dict[str, Any]]:
    fills = Fill.objects.filter(order__bot__user=user_of(request), instrument=instrument)
    rows = fills.select_related("order__bot").order_by("-executed_at")[:MARKERS]
    return [
        {
            "time": int(fill.executed_at.timestamp()),
            "side": fill.side,
            "price": str(fill.price),
            "bot": fill.order.bot.name,
        }
        for fill in reversed(list(rows))
    ]


def _lines(request: HttpRequest, instrument: Instrument) -> list[dict[str, str]]:
    lines = []
    for row in open_rows(user=user_of(request), symbol=instrument.symbol):
        levels = (("stop", row.position.stop_price), ("target", row.position.target_price), ("entry", row.entry))
        lines += [
            {"kind": kind, "price": str(price), "title": kind.capitalize()}
            for kind, price in levels
            if price is not None
        ]
    return lines
