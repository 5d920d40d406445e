"""Strategy versions in the admin."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.admin import AuditedAdmin, staff_of
from accounts.services.audit import audit_record
from signals.admin.strategy_forms import PREFIX, version_form
from signals.domain.aggregation.settings import KIND as AGGREGATE
from signals.domain.aggregation.settings import PARAMETERS
from signals.domain.strategies import REGISTRY, ParameterError
from signals.domain.strategies.base import Parameter
from signals.models import Strategy
from signals.services.strategies import parameters_declared, strategy_change, strategy_enable


@admin.register(Strategy)
class StrategyAdmin(AuditedAdmin):
    """Strategy versions. Saving changed parameters makes the next version; the old one stays as history."""

    list_display = ("name", "title", "version", "enabled", "told", "created_at")
    list_filter = ("kind", "enabled")
    search_fields = ("name", "public_id")
    readonly_fields = ("public_id", "name", "title", "kind", "custom", "version", "enabled", "created_at", "told")
    actions = ("enable", "disable")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The registered kinds are created by the platform."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Signals refer to versions for ever."""
        return False

    @admin.display(description="What it is")
    def title(self, obj: Strategy) -> str:
        """In words."""
        rules = REGISTRY.get(obj.kind)
        words = {"aggregate": "Votes of all, combined", "model": "Learned from outcomes"}
        return rules.title if rules else words.get(obj.kind, "Custom strategy" if obj.custom_id else obj.kind)

    @admin.display(description="Parameters")
    def told(self, obj: Strategy) -> str:
        """The parameters; of the aggregate's many, those that differ from their defaults."""
        usual = {one.name: one.default for one in PARAMETERS} if obj.kind == AGGREGATE else {}
        shown = {name: value for name, value in obj.parameters.items() if usual.get(name) != value}
        return ", ".join(f"{name.replace('_', ' ')} {_text(value)}" for name, value in shown.items()) or "defaults"

    def get_fieldsets(self, request: HttpRequest, obj: Strategy | None = None) -> Any:
        """What it is, what it can be told, and the rest."""
        declared = tuple(PREFIX + parameter.name for parameter in _declared(obj)) or ("told",)
        saved = "Saving changed values makes the next version, which is in force from the next candle on."
        return [
            (None, {"fields": ("name", "title", "version", "enabled")}),
            ("Parameters", {"fields": declared, "description": "" if declared == ("told",) else saved}),
            ("Record", {"fields": ("created_at", "kind", "custom", "public_id")}),
        ]

    def get_form(self, request: HttpRequest, obj: Strategy | None = None, change: bool = False, **kwargs: Any) -> Any:
        """A field for each parameter, checked by the strategy's own declaration."""
        kwargs["form"] = version_form(_declared(obj))
        return super().get_form(request, obj, change, **kwargs)

    def save_model(self, request: HttpRequest, obj: Strategy, form: Any, change: bool) -> None:
        """Versions are immutable: a change of parameters is a new row."""
        if form.given == obj.parameters:
            self.message_user(request, "No value differs: nothing was changed.")
            return
        form.made = strategy_change(strategy=obj, parameters=form.given)
        audit_record(actor=staff_of(request), action="strategy.changed", obj=form.made, detail=form.made.parameters)
        self.message_user(request, f"{form.made} is in force from the next candle on; {obj} is kept as history.")

    def response_change(self, request: HttpRequest, obj: Strategy) -> HttpResponse:
        """To the version that is newest now, or to the list; `save_model` has said what happened."""
        if "_continue" in request.POST:
            newest = Strategy.objects.filter(name=obj.name).order_by("-version").first() or obj
            return redirect("admin:signals_strategy_change", newest.pk)
        return redirect("admin:signals_strategy_changelist")

    @admin.action(description="Enable (scan it)")
    def enable(self, request: HttpRequest, queryset: QuerySet[Strategy]) -> None:
        """Scan these versions from the next candle on."""
        self._enable(request, queryset, True)

    @admin.action(description="Disable (do not scan it)")
    def disable(self, request: HttpRequest, queryset: QuerySet[Strategy]) -> None:
        """Stop scanning these versions."""
        self._enable(request, queryset, False)

    def _enable(self, request: HttpRequest, queryset: QuerySet[Strategy], enabled: bool) -> None:
        for strategy in queryset:
            strategy_enable(strategy=strategy, enabled=enabled)
            audit_record(
                actor=staff_of(request), action="strategy.enabled" if enabled else "strategy.disabled", obj=strategy
            )


def _declared(obj: Strategy | None) -> tuple[Parameter, ...]:
    """Its parameters; nothing where a custom strategy's file does not say them any more."""
    try:
        return parameters_declared(obj) if obj else ()
    except ParameterError:
        return ()


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
