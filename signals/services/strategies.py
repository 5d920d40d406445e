"""Strategy versions: the default ones, and the next version when parameters change. A version never changes."""

from typing import Any

from django.db import transaction

from signals.custom.resolve import version_rules
from signals.domain.aggregation.settings import KIND as AGGREGATE
from signals.domain.aggregation.settings import PARAMETERS, settings_validate
from signals.domain.strategies import REGISTRY, strategy_of
from signals.domain.strategies.base import Parameter
from signals.models import Strategy
from signals.versions import versions_changed


def strategies_ensure() -> list[Strategy]:
    """Create version 1 of each named strategy that has no version yet; returns those created."""
    existing = set(Strategy.objects.filter(name__in=[rules.name for rules in REGISTRY.values()]).values_list("name"))
    missing = [rules for rules in REGISTRY.values() if (rules.name,) not in existing]
    created = []
    for rules in missing:
        row, fresh = Strategy.objects.get_or_create(
            name=rules.name, version=1, defaults={"kind": rules.kind, "parameters": rules.validate({})}
        )
        created += [row] if fresh else []
    if created:
        versions_changed()
    return created


def strategy_create(*, name: str, kind: str, parameters: dict[str, Any]) -> Strategy:
    """Version 1 of a new strategy.

    Raises:
        ParameterError: unknown kind, parameters that are not allowed, or a name that is taken.

    """
    from signals.domain.strategies import ParameterError

    values = strategy_of(kind).validate(parameters)
    if not name.strip():
        raise ParameterError("A strategy needs a name.")
    if Strategy.objects.filter(name=name).exists():
        raise ParameterError(f"There is a strategy {name!r} already: change it, or choose another name.")
    versions_changed()
    return Strategy.objects.create(name=name, kind=kind, parameters=values)


def parameters_declared(strategy: Strategy) -> tuple[Parameter, ...]:
    """What a version of a strategy, or of the aggregate, can be told; nothing for a model. Raises ParameterError."""
    if strategy.kind == "model":
        return ()
    if strategy.kind == AGGREGATE:
        return PARAMETERS
    with version_rules(strategy) as rules:
        return rules.parameters


def parameters_check(*, strategy: Strategy, parameters: dict[str, Any]) -> dict[str, Any]:
    """All parameters of a version of a strategy, or of the aggregate, defaults filled in. Raises ParameterError."""
    if strategy.kind == AGGREGATE:
        return settings_validate(parameters)
    with version_rules(strategy) as rules:
        return rules.validate(parameters)


def strategy_change(*, strategy: Strategy, parameters: dict[str, Any]) -> Strategy:
    """The next version with these parameters (those left out keep their value); the older versions are disabled.

    Nothing happens, and the same version comes back, when no value differs. Raises ParameterError.
    """
    values = parameters_check(strategy=strategy, parameters={**strategy.parameters, **parameters})
    with transaction.atomic():
        newest = Strategy.objects.filter(name=strategy.name).order_by("-version").first() or strategy
        if newest.enabled and newest.parameters == values:
            return newest
        Strategy.objects.filter(name=strategy.name, enabled=True).update(enabled=False)
        versions_changed()
        return Strategy.objects.create(
            name=strategy.name,
            kind=strategy.kind,
            custom=strategy.custom,
            parameters=values,
            version=newest.version + 1,
        )


def strategy_enable(*, strategy: Strategy, enabled: bool) -> None:
    """Scan this version or not; enabling one disables the other versions of its name."""
    with transaction.atomic():
        if enabled:
            Strategy.objects.filter(name=strategy.name).exclude(pk=strategy.pk).update(enabled=False)
        Strategy.objects.filter(pk=strategy.pk).update(enabled=enabled)
        versions_changed()
