"""Reads of the learning room."""

from datetime import datetime
from typing import Any

from django.db.models import Max, QuerySet

from mlmodels.domain.evaluation import wilson
from mlmodels.models import ModelVersion, TrainingRun
from signals.models import CandleSeries, Instrument, Outcome


def model_name(exchange: str, timeframe: str) -> str:
    """Name of the model of an exchange and timeframe; its versions and its strategy share it."""
    return f"model {exchange} {timeframe}"


def champion_get(exchange: str, timeframe: str) -> ModelVersion | None:
    """The serving version, without its artifact's text."""
    chosen = ModelVersion.objects.filter(exchange=exchange, timeframe=timeframe, status=ModelVersion.Status.CHAMPION)
    return chosen.select_related("strategy").defer("artifact").first()


def last_run_get(exchange: str, timeframe: str) -> TrainingRun | None:
    """The newest attempt."""
    return TrainingRun.objects.filter(exchange=exchange, timeframe=timeframe).first()


def last_version_get(exchange: str, timeframe: str) -> ModelVersion | None:
    """The newest version of any status, without its artifact's text."""
    return ModelVersion.objects.filter(exchange=exchange, timeframe=timeframe).defer("artifact").first()


def instruments_to_learn(exchange: str, limit: int) -> QuerySet[Instrument]:
    """The scanned instruments, those with the largest volume first when there are more than `limit`."""
    return Instrument.objects.filter(exchange=exchange, selected=True).order_by("-volume_quote_24h", "symbol")[:limit]


def candles_stored(exchange: str, timeframe: str) -> tuple[int, datetime | None]:
    """Stored candles of the scanned instruments by the manifest: the longest series, and the newest open time."""
    facts = CandleSeries.objects.filter(
        instrument__exchange=exchange, instrument__selected=True, timeframe=timeframe
    ).aggregate(rows=Max("rows"), last=Max("last_open"))
    return facts["rows"] or 0, facts["last"]


def outcomes_of(exchange: str, timeframe: str) -> QuerySet[Outcome]:
    """Closed trades of an exchange and timeframe."""
    return Outcome.objects.filter(instrument__exchange=exchange, timeframe=timeframe)


def outcomes_summary(exchange: str, timeframe: str) -> dict[str, Any]:
    """How traded signals did live: all of them, and those of models; returns are net fractions."""
    rows = list(outcomes_of(exchange, timeframe).order_by("-id").values_list("return_net", "strategy__kind")[:10_000])
    return {
        "all": _returns_summary([value for value, _ in rows]),
        "model": _returns_summary([value for value, kind in rows if kind == "model"]),
    }


def _returns_summary(returns: list[float]) -> dict[str, Any]:
    hits = sum(value > 0 for value in returns)
    low, high = wilson(hits, len(returns))
    return {
        "n": len(returns),
        "hit_rate": hits / len(returns) if returns else None,
        "hit_rate_low": low,
        "hit_rate_high": high,
        "net_mean": sum(returns) / len(returns) if returns else None,
    }
