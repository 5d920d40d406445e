"""The model registry: register, promote, retire, roll back, delete. One version serves per exchange and timeframe."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from accounts.clock import now
from accounts.models import User
from accounts.services.audit import audit_record
from mlmodels.models import ModelVersion
from mlmodels.predictor import artifact_hash
from mlmodels.selectors import model_name
from signals.models import Signal, Strategy

Status = ModelVersion.Status
KEEP_REFUSED = 20
"""Refused versions kept per model, so that a retrain every ten minutes does not fill the table."""


class RegistryRefused(ValueError):
    """The registry cannot do what was asked; the message says why."""


@transaction.atomic
def model_register(
    *,
    exchange: str,
    timeframe: str,
    artifact: str,
    features: list[str],
    parameters: dict[str, Any],
    threshold: float,
    trained_from: datetime,
    trained_to: datetime,
    rows: int,
    report: dict[str, Any],
) -> ModelVersion:
    """Store a trained model as the next version, a candidate."""
    name = model_name(exchange, timeframe)
    last = ModelVersion.objects.filter(name=name).aggregate(last=Max("version"))["last"] or 0
    return ModelVersion.objects.create(
        name=name,
        version=last + 1,
        exchange=exchange,
        timeframe=timeframe,
        artifact=artifact,
        artifact_sha256=artifact_hash(artifact),
        features=features,
        parameters=parameters,
        threshold=threshold,
        trained_from=trained_from,
        trained_to=trained_to,
        rows=rows,
        report=report,
    )


@transaction.atomic
def model_promote(*, model: ModelVersion, reason: str, actor: User | None = None) -> ModelVersion:
    """Let this version serve: the old champion retires, its strategy is switched off and this one's is on.

    Raises RegistryRefused when the version has no artifact or serves already.
    """
    model = ModelVersion.objects.select_for_update().get(pk=model.pk)
    if model.status == Status.CHAMPION:
        raise RegistryRefused(f"{model} serves already.")
    if not model.artifact or artifact_hash(model.artifact) != model.artifact_sha256:
        raise RegistryRefused(f"{model} has no sound artifact: it cannot serve.")
    for old in _champions(model).exclude(pk=model.pk):
        _take_off(old, f"Replaced by version {model.version}.")
    _shadow_end(model)
    model.strategy = _strategy_of(model, enabled=True)
    model.status, model.status_reason, model.promoted_at = Status.CHAMPION, reason[:400], now()
    model.save(update_fields=["strategy", "status", "status_reason", "promoted_at"])
    audit_record(actor=actor, action="model.promote", obj=model, detail={"model": str(model), "reason": reason})
    return model


def _champions(model: ModelVersion) -> Any:
    return ModelVersion.objects.select_for_update().filter(
        exchange=model.exchange, timeframe=model.timeframe, status=Status.CHAMPION
    )


def _take_off(model: ModelVersion, reason: str) -> None:
    if model.strategy is not None:
        model.strategy.enabled = False
        model.strategy.save(update_fields=["enabled"])
    model.status, model.status_reason = Status.RETIRED, reason[:400]
    model.save(update_fields=["status", "status_reason"])


def _strategy_of(model: ModelVersion, *, enabled: bool) -> Strategy:
    """The strategy row that this version's signals carry, made when it first speaks; bots follow enabled ones only."""
    if model.strategy is not None:
        model.strategy.enabled = enabled
        model.strategy.save(update_fields=["enabled"])
        return model.strategy
    last = Strategy.objects.filter(name=model.name).aggregate(last=Max("version"))["last"] or 0
    parameters = {
        "model": str(model.public_id),
        "threshold": model.threshold,
        "exchange": model.exchange,
        "timeframe": model.timeframe,
    }
    return Strategy.objects.create(
        name=model.name, kind="model", version=last + 1, parameters=parameters, enabled=enabled
    )


def _shadow_end(model: ModelVersion) -> None:
    """Whoever else stands in the shadow of this lane steps back."""
    ModelVersion.objects.filter(exchange=model.exchange, timeframe=model.timeframe, status=Status.SHADOW).exclude(
        pk=model.pk
    ).update(status=Status.REFUSED)


@transaction.atomic
def model_shadow(*, model: ModelVersion, reason: str) -> ModelVersion:
    """Let a version that did not pass the gate speak without being traded, in place of the one that did so before.

    Raises RegistryRefused while a champion serves: then nobody stands in the shadow.
    """
    if _champions(model).exists():
        raise RegistryRefused(f"A champion serves {model.exchange} {model.timeframe}: {model} is not needed.")
    _shadow_end(model)
    model.strategy = _strategy_of(model, enabled=False)
    model.status, model.status_reason = Status.SHADOW, reason[:400]
    model.save(update_fields=["strategy", "status", "status_reason"])
    return model


@transaction.atomic
def model_refuse(*, model: ModelVersion, reason: str) -> ModelVersion:
    """Mark a candidate that did not pass the gate; the oldest refused ones beyond `KEEP_REFUSED` are dropped."""
    model.status, model.status_reason = Status.REFUSED, reason[:400]
    model.save(update_fields=["status", "status_reason"])
    refused = ModelVersion.objects.filter(name=model.name, status=Status.REFUSED, strategy=None)
    ModelVersion.objects.filter(
        pk__in=list(refused.order_by("-id").values_list("pk", flat=True)[KEEP_REFUSED:])
    ).delete()
    return model


@transaction.atomic
def model_retire(*, model: ModelVersion, reason: str, actor: User | None = None) -> ModelVersion:
    """Take the champion off without a successor. Raises RegistryRefused when it does not serve."""
    model = ModelVersion.objects.select_for_update().get(pk=model.pk)
    if model.status != Status.CHAMPION:
        raise RegistryRefused(f"{model} does not serve: it is {model.get_status_display().lower()}.")
    _take_off(model, reason)
    audit_record(actor=actor, action="model.retire", obj=model, detail={"model": str(model), "reason": reason})
    return model


@transaction.atomic
def model_roll_back(*, exchange: str, timeframe: str, actor: User | None = None) -> ModelVersion:
    """Let the version serve again that served before the present one. Raises RegistryRefused without one."""
    before = (
        ModelVersion.objects.filter(exchange=exchange, timeframe=timeframe, status=Status.RETIRED)
        .exclude(promoted_at=None)
        .order_by("-promoted_at")
        .first()
    )
    if before is None:
        raise RegistryRefused(f"No earlier version of {model_name(exchange, timeframe)} has served.")
    return model_promote(model=before, reason="Rolled back to.", actor=actor)


@transaction.atomic
def model_delete(*, model: ModelVersion, actor: User | None = None) -> None:
    """Delete a version that neither serves nor has signalled: a decision must stay explainable.

    Raises RegistryRefused otherwise.
    """
    model = ModelVersion.objects.select_for_update().get(pk=model.pk)
    if model.status == Status.CHAMPION:
        raise RegistryRefused(f"{model} serves: retire it first.")
    if model.strategy_id and Signal.objects.filter(strategy_id=model.strategy_id).exists():
        raise RegistryRefused(f"{model} has made signals: it is kept so that they can be explained.")
    audit_record(actor=actor, action="model.delete", obj=model, detail={"model": str(model)})
    model.delete()
