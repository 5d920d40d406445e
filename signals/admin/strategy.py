"""Strategy versions in the admin."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import AuditedAdmin, staff_of
from accounts.services.audit import audit_record
from signals.domain.strategies import ParameterError
from signals.models import Strategy
from signals.services.strategies import parameters_check, strategy_change, strategy_enable


@admin.register(Strategy)
class StrategyAdmin(AuditedAdmin):
    """Strategy versions. Saving changed parameters makes the next version; the old one stays as history."""

    list_display = ("name", "version", "kind", "enabled", "parameters", "created_at")
    list_filter = ("kind", "enabled")
    search_fields = ("name", "public_id")
    readonly_fields = ("public_id", "name", "kind", "custom", "version", "enabled", "created_at")
    actions = ("enable", "disable")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The registered kinds are created by the platform."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Signals refer to versions for ever."""
        return False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Parameters are checked by the strategy's own declaration."""
        form = super().get_form(request, obj, change, **kwargs)

        def clean_parameters(self: Any) -> dict[str, Any]:
            if self.instance.kind == "model":
                return self.instance.parameters
            try:
                return parameters_check(strategy=self.instance, parameters=self.cleaned_data["parameters"])
            except ParameterError as error:
                raise ValidationError(str(error)) from None

        form.clean_parameters = clean_parameters
        return form

    def save_model(self, request: HttpRequest, obj: Strategy, form: Any, change: bool) -> None:
        """Versions are immutable: a change of parameters is a new row."""
        if "parameters" in form.changed_data:
            stored = Strategy.objects.get(pk=obj.pk)
            new = strategy_change(strategy=stored, parameters=obj.parameters)
            audit_record(actor=staff_of(request), action="strategy.changed", obj=new, detail=new.parameters)
            self.message_user(request, f"{new} is in force; {stored} is kept as history.")

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
