import pytest
from django.db import IntegrityError, transaction

from accounts.models import AuditEvent
from mlmodels.models import ModelVersion
from mlmodels.selectors import champion_get
from mlmodels.services.registry import (
    KEEP_REFUSED,
    RegistryRefused,
    model_delete,
    model_promote,
    model_refuse,
    model_retire,
    model_roll_back,
)
from signals.models import Signal, Strategy
from tests.mlmodels.conftest import EXCHANGE, TIMEFRAME, instrument_make

pytestmark = pytest.mark.django_db


def enabled():
    return list(Strategy.objects.filter(kind="model", enabled=True))


def test_versions_count_up_per_name(register):
    assert [register().version for _ in range(3)] == [1, 2, 3]
    assert register(timeframe="5m").version == 1


def test_promotion_makes_the_strategy_that_signals_carry(register):
    model = model_promote(model=register(), reason="Better.")
    (strategy,) = enabled()
    assert strategy == model.strategy
    assert strategy.parameters["model"] == str(model.public_id)
    assert strategy.parameters["threshold"] == model.threshold
    assert (model.status, model.status_reason) == ("champion", "Better.")
    assert AuditEvent.objects.filter(action="model.promote", object_id=str(model.public_id)).count() == 1


def test_a_successor_switches_the_old_one_off_and_is_a_new_strategy_version(register):
    first = model_promote(model=register(), reason="First.")
    second = model_promote(model=register("other trees"), reason="Better.")
    first.refresh_from_db()
    assert first.status == ModelVersion.Status.RETIRED
    assert enabled() == [second.strategy]
    assert second.strategy.version == first.strategy.version + 1
    assert champion_get(EXCHANGE, TIMEFRAME) == second


def test_two_champions_are_impossible_in_the_database(register):
    model_promote(model=register(), reason="First.")
    rival = register()
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(pk=rival.pk).update(status="champion")
    model_promote(model=register(timeframe="5m"), reason="Another timeframe has its own.")


def test_a_failed_promotion_changes_nothing(register, monkeypatch):
    first = model_promote(model=register(), reason="First.")

    def broken(**_):
        raise RuntimeError("audit is down")

    monkeypatch.setattr("mlmodels.services.registry.audit_record", broken)
    with pytest.raises(RuntimeError):
        model_promote(model=register(), reason="Better.")
    assert champion_get(EXCHANGE, TIMEFRAME) == first
    assert enabled() == [first.strategy]


def test_rollback_brings_the_one_before_back_and_forth(register):
    first = model_promote(model=register(), reason="First.")
    second = model_promote(model=register(), reason="Better.")
    assert model_roll_back(exchange=EXCHANGE, timeframe=TIMEFRAME) == first
    assert enabled() == [first.strategy]
    assert Strategy.objects.filter(kind="model").count() == 2, "a version keeps its strategy"
    assert model_roll_back(exchange=EXCHANGE, timeframe=TIMEFRAME) == second


def test_rollback_without_a_past_is_refused_with_words(register):
    model_promote(model=register(), reason="First.")
    with pytest.raises(RegistryRefused, match="No earlier version"):
        model_roll_back(exchange=EXCHANGE, timeframe=TIMEFRAME)


def test_a_damaged_artifact_cannot_serve(register):
    model = register()
    ModelVersion.objects.filter(pk=model.pk).update(artifact="other trees")
    with pytest.raises(RegistryRefused, match="no sound artifact"):
        model_promote(model=model, reason="Better.")


def test_retire_leaves_no_champion(register):
    model = model_promote(model=register(), reason="First.")
    model_retire(model=model, reason="By hand.")
    assert champion_get(EXCHANGE, TIMEFRAME) is None
    assert enabled() == []
    with pytest.raises(RegistryRefused, match="does not serve"):
        model_retire(model=model, reason="Again.")


def test_what_serves_or_has_signalled_is_not_deleted(register):
    from accounts.clock import now

    model = model_promote(model=register(), reason="First.")
    with pytest.raises(RegistryRefused, match="retire it first"):
        model_delete(model=model)
    model_retire(model=model, reason="By hand.")
    signal = Signal.objects.create(
        instrument=instrument_make("A/USDT"),
        timeframe=TIMEFRAME,
        strategy=model.strategy,
        candle_open_time=now(),
        side="buy",
        confidence=0.7,
        reason="",
        close="1",
    )
    with pytest.raises(RegistryRefused, match="has made signals"):
        model_delete(model=model)
    signal.delete()
    model_delete(model=model)
    assert not ModelVersion.objects.exists()


def test_refused_versions_do_not_pile_up_and_champions_stay(register):
    champion = model_promote(model=register(), reason="First.")
    for _ in range(KEEP_REFUSED + 5):
        model_refuse(model=register(), reason="Not better.")
    assert ModelVersion.objects.filter(status="refused").count() == KEEP_REFUSED
    assert champion_get(EXCHANGE, TIMEFRAME) == champion
    assert register().version == KEEP_REFUSED + 7
