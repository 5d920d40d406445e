"""What the models are worth, in words for traders: who serves, who is watched in the shadow, how training went."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Count

from mlmodels.models import ModelVersion, TrainingRun
from signals.models import Signal
from trading.selectors.bots import sparkline

RECENT = 10
SCANNED = 100
Status = ModelVersion.Status


@dataclass(frozen=True, slots=True)
class Told:
    """One version with its out-of-sample report; shares and returns are fractions, None when never measured.

    `count` is the number of held-out signals behind every number; `path` draws their summed return over time.
    """

    model: ModelVersion
    count: int
    won: float | None
    won_low: float | None
    won_high: float | None
    gain: float | None
    gain_low: float | None
    gain_always: float | None
    path: str
    said: int = 0


@dataclass(slots=True)
class Lane:
    """The models of one exchange and candle length."""

    exchange: str
    label: str
    timeframe: str
    serving: Told | None = None
    shadow: Told | None = None
    run: TrainingRun | None = None
    versions: list[Told] = field(default_factory=list)


def lanes_read(exchanges: Iterable[str]) -> list[Lane]:
    """Models and training runs of these exchanges, newest first in each lane. Four queries."""
    wanted = set(exchanges)
    models = ModelVersion.objects.filter(exchange__in=wanted).select_related("strategy")
    models = models.defer("artifact", "features", "parameters")
    chosen = list(models.filter(status__in=[Status.CHAMPION, Status.SHADOW]))
    said = _said(chosen)
    lanes: dict[tuple[str, str], Lane] = {}
    for model in chosen:
        name = "serving" if model.status == Status.CHAMPION else "shadow"
        setattr(_lane(lanes, model), name, told(model, said.get(model.strategy_id, 0)))
    for model in models[:SCANNED]:
        lane = _lane(lanes, model)
        if len(lane.versions) < RECENT:
            lane.versions.append(told(model))
    for run in TrainingRun.objects.filter(exchange__in=wanted)[:SCANNED]:
        lane = _lane(lanes, run)
        lane.run = lane.run or run
    return [lanes[key] for key in sorted(lanes)]


def told(model: ModelVersion, said: int = 0) -> Told:
    """A version with the numbers of its report; `said` counts the signals it has made since."""
    tail: dict[str, Any] = model.report.get("tail") or {}
    measured = tail if tail.get("signals") else {}
    curve = [Decimal(str(value)) for _at, value in measured.get("profit_curve", [])]
    return Told(
        model=model,
        count=int(tail.get("signals") or 0),
        won=measured.get("precision"),
        won_low=measured.get("precision_low"),
        won_high=measured.get("precision_high"),
        gain=measured.get("net_mean"),
        gain_low=measured.get("net_low"),
        gain_always=tail.get("net_all"),
        path=sparkline(curve),
        said=said,
    )


def _said(models: Iterable[ModelVersion]) -> dict[int | None, int]:
    keys = [model.strategy_id for model in models if model.strategy_id]
    rows = Signal.objects.filter(strategy__in=keys).order_by().values("strategy").annotate(count=Count("pk"))
    return dict(rows.values_list("strategy", "count"))


def _lane(lanes: dict[tuple[str, str], Lane], row: ModelVersion | TrainingRun) -> Lane:
    key = row.exchange, row.timeframe
    return lanes.setdefault(key, Lane(row.exchange, row.get_exchange_display(), row.timeframe))
