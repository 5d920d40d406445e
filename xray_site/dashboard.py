"""What staff see first in the admin: the platform's state, and the control that stops everything."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.timesince import timesince

from accounts.admin import staff_of
from accounts.clock import now
from accounts.exchanges.budget import ban_ends
from accounts.models import ExchangeAccount, Notice
from accounts.selectors import keys_census
from mlmodels.models import ModelVersion, TrainingRun
from signals.models import ExchangeState, Scan, Signal
from signals.services.backend import backend_choice_told
from trading.models import Bot, Fill, Intent, Order, Position, StopSwitch
from trading.selectors.stops import stop_target, stops_in_force
from trading.services.stops import stop_set, stops_clear
from trading.views.methods import post_only

ACTIVE_POSITIONS = ("opening", "open", "closing")


def dashboard_callback(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Fill the admin's index page (unfold's DASHBOARD_CALLBACK)."""
    context.update(
        cards=[*_market_cards(), *_trading_cards()],
        exchanges=_exchange_table(),
        scans=_scan_table(),
        computed_on=backend_choice_told(),
        troubles=_trouble_table(),
        learning=_learning_table(),
        stops=[(switch, stop_target(switch)) for switch in stops_in_force()],
        platform_stopped=StopSwitch.objects.filter(cleared_at=None, scope=StopSwitch.Scope.PLATFORM).exists(),
    )
    return context


@post_only("admin:index")
def platform_stop(request: HttpRequest) -> HttpResponse:
    """Pause everything (no new entries), or let it go on; for staff who may change stop switches."""
    if not request.user.has_perm("trading.add_stopswitch"):
        raise PermissionDenied
    if request.POST.get("level") == "1":
        stop_set(
            scope=StopSwitch.Scope.PLATFORM,
            level=StopSwitch.Level.NO_NEW_ENTRIES,
            reason="Paused by staff.",
            actor=staff_of(request),
        )
        messages.warning(request, "Everything is paused: no new entries anywhere. Exits go on.")
    else:
        stops_clear(scope=StopSwitch.Scope.PLATFORM, target="", actor=staff_of(request), imposed=True)
        messages.success(request, "Bots decide again from now on.")
    return redirect("admin:index")


def _card(title: str, value: object, detail: str, url_name: str, query: str = "") -> dict[str, Any]:
    return {"title": title, "value": value, "detail": detail, "url": reverse(f"admin:{url_name}_changelist") + query}


def _ago(moment: Any) -> str:
    if moment is None:
        return "never"
    seconds = (now() - moment).total_seconds()
    return f"{seconds:.0f} s ago" if seconds < 120 else f"{timesince(moment, now(), depth=1)} ago"


def _market_cards() -> list[dict[str, Any]]:
    hour = now() - timedelta(hours=1)
    scan = Scan.objects.filter(status=Scan.Status.DONE).first()
    scans = Scan.objects.filter(started_at__gte=hour).aggregate(
        done=Count("id", filter=Q(status="done")), failed=Count("id", filter=Q(status="failed"))
    )
    signals = Signal.objects.filter(created_at__gte=hour)
    return [
        _card(
            "Scans, last hour",
            scans["done"],
            f"{scans['failed']} failed · last {_ago(scan.finished_at if scan else None)}",
            "signals_scan",
        ),
        _card("Signals, last hour", signals.count(), f"last {_ago(_latest(signals))}", "signals_signal"),
    ]


def _latest(queryset: Any) -> Any:
    return queryset.aggregate(at=Max("created_at"))["at"]


def _trading_cards() -> list[dict[str, Any]]:
    bots = Bot.objects.filter(deleted_at=None).aggregate(
        running=Count("id", filter=Q(status="running")), paused=Count("id", filter=Q(status="paused"))
    )
    queue = Intent.objects.filter(status__in=["pending", "claimed"])
    unknown = Order.objects.filter(status="unknown").count()
    open_positions = Position.objects.filter(status__in=ACTIVE_POSITIONS).count()
    fills = Fill.objects.filter(created_at__gte=now() - timedelta(hours=1)).count()
    troubled = Notice.objects.filter(level="bad", created_at__gte=now() - timedelta(days=1)).count()
    paused = ExchangeAccount.objects.filter(status="paused").count()
    return [
        _card("Bots running", bots["running"], f"{bots['paused']} paused", "trading_bot"),
        _card("Queue depth", queue.count(), f"{unknown} orders with an unknown outcome", "trading_intent"),
        _card("Open positions", open_positions, f"{fills} fills in the last hour", "trading_position"),
        _card("Errors, last day", troubled, f"{paused} accounts paused", "accounts_notice", "?level__exact=bad"),
        _keys_card(),
    ]


def _keys_card() -> dict[str, Any]:
    census = keys_census()
    closed = sum(census.closed.values())
    told = f"{closed} cannot be opened: configure their master key" if closed else f"{census.to_rotate} keys to rotate"
    return _card("Master key", census.current or "none", told, "accounts_exchangeaccount")


def _exchange_table() -> dict[str, Any]:
    rows = [
        [
            state,
            state.connection,
            _ago(state.last_event_at),
            _ago(state.markets_loaded_at),
            _barred(state) or state.last_error or "none",
        ]
        for state in ExchangeState.objects.all()
    ]
    return {"headers": ["Exchange", "Connection", "Last event", "Markets loaded", "Last error"], "rows": rows}


def _barred(state: ExchangeState) -> str:
    ends = ban_ends(state.exchange)
    return "" if ends is None else f"It asked us to wait: nothing is sent until {ends:%H:%M:%S} UTC."


def _scan_table() -> dict[str, Any]:
    rows = [
        [
            f"{scan.candle_open_time:%H:%M:%S}",
            f"{scan.get_exchange_display()} {scan.timeframe}",
            scan.get_status_display(),
            scan.backend.upper(),
            scan.instruments,
            scan.signals,
            f"{scan.fetch_ms:.0f} / {scan.kernel_ms:.1f} / {scan.store_ms:.0f} ms",
        ]
        for scan in Scan.objects.all()[:8]
    ]
    return {
        "headers": ["Candle, UTC", "Market", "Status", "Computed on", "Symbols", "Signals", "Fetch / scan / store"],
        "rows": rows,
    }


def _trouble_table() -> dict[str, Any]:
    notices = Notice.objects.filter(level__in=["bad", "warn"]).select_related("user")[:8]
    rows = [[_ago(n.created_at), n.user or "staff", n.title, n.text] for n in notices]
    return {"headers": ["When", "Who", "What", "Detail"], "rows": rows}


def _learning_table() -> dict[str, Any]:
    champions = ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION)
    rows = [[str(c), f"{c.exchange} {c.timeframe}", "serving", c.status_reason] for c in champions]
    rows += [
        [_ago(run.started_at), f"{run.exchange} {run.timeframe}", run.get_status_display(), run.message]
        for run in TrainingRun.objects.all()[:4]
    ]
    return {"headers": ["Model or run", "Market", "State", "What it says"], "rows": rows}
