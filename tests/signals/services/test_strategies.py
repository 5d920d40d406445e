import pytest

from signals.domain.strategies import REGISTRY, ParameterError
from signals.models import Strategy
from signals.services.strategies import strategies_ensure, strategy_change, strategy_create, strategy_enable

pytestmark = pytest.mark.django_db


def test_the_defaults_are_made_once():
    assert [row.kind for row in strategies_ensure()] == list(REGISTRY)
    assert strategies_ensure() == [] and Strategy.objects.count() == len(REGISTRY)
    assert Strategy.objects.get(kind="ma_cross").parameters == {"fast": 10, "slow": 30, "atr": 14}


def test_a_change_makes_the_next_version():
    strategies_ensure()
    first = Strategy.objects.get(kind="ma_cross")
    second = strategy_change(strategy=first, parameters={"fast": 5})
    first.refresh_from_db()
    assert (second.version, second.enabled, second.parameters["fast"], second.parameters["slow"]) == (2, True, 5, 30)
    assert (first.enabled, first.parameters["fast"]) == (False, 10)
    assert strategy_change(strategy=first, parameters=second.parameters) == second
    assert strategies_ensure() == []


def test_a_wrong_change_changes_nothing():
    strategies_ensure()
    with pytest.raises(ParameterError, match="smaller than slow"):
        strategy_change(strategy=Strategy.objects.get(kind="ma_cross"), parameters={"fast": 300})
    assert Strategy.objects.filter(enabled=True).count() == len(REGISTRY)


def test_new_strategies_are_checked():
    made = strategy_create(name="Quick", kind="ma_cross", parameters={"fast": 3, "slow": 9})
    assert made.version == 1
    for name, kind in (("Quick", "ma_cross"), ("Other", "magic"), (" ", "ma_cross")):
        with pytest.raises(ParameterError):
            strategy_create(name=name, kind=kind, parameters={})


def test_one_enabled_version_a_name():
    strategies_ensure()
    first = Strategy.objects.get(kind="ma_cross")
    second = strategy_change(strategy=first, parameters={"fast": 5})
    strategy_enable(strategy=first, enabled=True)
    assert list(Strategy.objects.filter(name=first.name, enabled=True)) == [first]
    strategy_enable(strategy=first, enabled=False)
    assert not Strategy.objects.filter(pk__in=[first.pk, second.pk], enabled=True).exists()
