"""Admin of the model registry."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import HistoryAdmin, staff_of
from mlmodels.models import ModelVersion, TrainingRun
from mlmodels.services.registry import RegistryRefused, model_promote, model_retire, model_roll_back

BY_HAND = "by hand in the admin"


@admin.register(ModelVersion)
class ModelVersionAdmin(HistoryAdmin):
    """Models with their out-of-sample reports. Promotion by hand is possible and audited."""

    list_display = ("__str__", "exchange", "timeframe", "status", "status_reason", "rows", "threshold", "created_at")
    list_filter = ("status", "exchange", "timeframe", "kind")
    search_fields = ("name", "public_id")
    actions = ("promote", "retire", "roll_back")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Bulk actions need the right to change; the fields themselves stay read-only."""
        return obj is None and super(HistoryAdmin, self).has_change_permission(request, obj)

    @admin.action(description="Promote to champion")
    def promote(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        """Serve with this version from the next candle on."""
        self._each(request, queryset, lambda model: model_promote(model=model, actor=staff_of(request), reason=BY_HAND))

    @admin.action(description="Retire")
    def retire(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        """Take these versions out of service."""
        self._each(request, queryset, lambda model: model_retire(model=model, actor=staff_of(request), reason=BY_HAND))

    @admin.action(description="Roll back to the champion before this one")
    def roll_back(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        """Serve with the predecessor again."""
        self._each(
            request,
            queryset,
            lambda model: model_roll_back(exchange=model.exchange, timeframe=model.timeframe, actor=staff_of(request)),
        )

    def _each(
        self, request: HttpRequest, queryset: QuerySet[ModelVersion], act: Callable[[ModelVersion], ModelVersion]
    ) -> None:
        for model in queryset:
            try:
                done = act(model)
            except RegistryRefused as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                self.message_user(request, f"{done}: {done.get_status_display().lower()} from the next candle on.")


@admin.register(TrainingRun)
class TrainingRunAdmin(HistoryAdmin):
    """Training runs, also the ones that ended with 'not enough data'."""

    list_display = ("started_at", "exchange", "timeframe", "trigger", "status", "progress", "message", "model")
    list_filter = ("status", "trigger", "exchange")
    list_select_related = ("model",)
