"""Reads of the learning room."""

from datetime import datetime
from typing import Any

from django.db.models import Max, QuerySet

from mlmodels.domain.evaluation import wilson
from mlmodels.models import ModelVersion, TrainingRun
from signals.models import CandleSeries, Instrument, Outcome, Scan


def model_name(exchange: str, timeframe: str) -> str:
    """Name of the model of an exchange and timeframe; its versions and its strategy share it."""
    return f"model {exchange} {timeframe}"


def champion_get(exchange: str, timeframe: str) -> ModelVersion | None:
    """The serving version, without its artifact's text."""
    chosen = ModelVersion.objects.filter(exchange=exchange, timeframe=timeframe, status=ModelVersion.Status.CHAMPION)
    return chosen.select_related("strategy").defer("artifact").first()


def shadow_get(exchange: str, timeframe: str) -> ModelVersion | None:
    """The version that is watched but not traded, without its artifact's text."""
    chosen = ModelVersion.objects.filter(exchange=exchange, timeframe=timeframe, status=ModelVersion.Status.SHADOW)
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


def candles_stored(exchange: str, timeframe: str) -> int:
    """Stored candles of the scanned instruments: the longest series of the manifest, or the hot window if longer."""
    series = CandleSeries.objects.filter(
        instrument__exchange=exchange, instrument__selected=True, timeframe=timeframe
    ).aggregate(rows=Max("rows"))
    return max(series["rows"] or 0, _hot_candles(exchange, timeframe))


def _hot_candles(exchange: str, timeframe: str) -> int:
    """Length of the hot window, from the file's times alone: its candles are megabytes, this is asked every minute."""
    import numpy as np

    from signals.candles.files import hot_path

    try:
        with np.load(hot_path(exchange, timeframe), allow_pickle=False) as file:
            return int(file["open_time_ms"].size)
    except FileNotFoundError:
        return 0


def candles_scanned_since(exchange: str, timeframe: str, moment: datetime) -> int:
    """Candles that have been scanned since a moment."""
    done = Scan.objects.filter(exchange=exchange, timeframe=timeframe, status=Scan.Status.DONE)
    return done.filter(candle_open_time__gt=moment).count()


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
