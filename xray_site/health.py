"""Whether the platform works: the database, Redis, the streams of every exchange, the last scan, the queue."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from accounts.clock import now

STALE_AFTER_S = 60.0


def health_report() -> dict[str, Any]:
    """The state of every part; `status` is ok, degraded (a part is stale) or down (no database).

    Ages are seconds; None where nothing happened yet.
    """
    database, redis = _database_answers(), _redis_answers()
    if not database:
        return {"status": "down", "time": now().isoformat(), "database": False, "redis": redis}
    exchanges, scan, off = _exchanges(), _last_scan(), _tasks_off()
    good = redis is not False and not off and bool(exchanges)
    good = good and all(row["connection"] == "live" and not row["barred_until"] for row in exchanges)
    return {
        "status": "ok" if good else "degraded",
        "time": now().isoformat(),
        "database": True,
        "redis": redis,
        "exchanges": exchanges,
        "last_scan": scan,
        "pending_intents": _pending_intents(),
        "tasks_off": off,
    }


def healthz(request: HttpRequest) -> JsonResponse:
    """For load balancers and the supervisor: 200 when this process serves and reaches its database, else 503."""
    good = _database_answers()
    return JsonResponse({"status": "ok" if good else "down"}, status=200 if good else 503)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return bool(cursor.fetchone())
    except DatabaseError:
        return False


def _redis_answers() -> bool | None:
    """None where no Redis is configured."""
    if not settings.REDIS_URL:
        return None
    from redis.exceptions import RedisError

    try:
        cache.get("health")
    except RedisError:
        return False
    return True


def _exchanges() -> list[dict[str, Any]]:
    from accounts.exchanges.budget import ban_ends
    from signals.models import ExchangeState

    states = ExchangeState.objects.filter(exchange__in=settings.XRAY_MARKET_EXCHANGES)
    return [
        {
            "exchange": state.exchange,
            "connection": state.connection if (_age(state.last_event_at) or 0) < STALE_AFTER_S else "stale",
            "last_event_age_s": _age(state.last_event_at),
            "markets_age_s": _age(state.markets_loaded_at),
            "consecutive_errors": state.consecutive_errors,
            "barred_until": ban_ends(state.exchange),
        }
        for state in states
    ]


def _last_scan() -> dict[str, Any] | None:
    from signals.models import Scan

    scan = Scan.objects.order_by("-started_at").first()
    if scan is None:
        return None
    return {
        "exchange": scan.exchange,
        "timeframe": scan.timeframe,
        "candle_open_time": scan.candle_open_time.isoformat(),
        "status": scan.status,
        "backend": scan.backend,
        "signals": scan.signals,
        "age_s": _age(scan.started_at),
    }


def _pending_intents() -> int:
    from trading.models import Intent

    return Intent.objects.filter(status__in=[Intent.Status.PENDING, Intent.Status.CLAIMED]).count()


def _tasks_off() -> list[str]:
    """The platform's own periodic tasks that staff have switched off."""
    from django_celery_beat.models import PeriodicTask

    rows = PeriodicTask.objects.filter(enabled=False, task__regex=r"^(signals|accounts|trading|mlmodels)\.")
    return list(rows.order_by("name").values_list("name", flat=True))


def _age(moment: datetime | None) -> float | None:
    return None if moment is None else round((now() - moment).total_seconds(), 1)
