"""Admin of the model registry."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import HistoryAdmin
from mlmodels.models import ModelVersion, TrainingRun
from mlmodels.services.registry import model_promote, model_retire, model_roll_back


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
        for model in queryset:
            model_promote(model=model, actor=request.user, reason="by hand in the admin")
            self.message_user(request, f"{model} serves from the next candle on.")

    @admin.action(description="Retire")
    def retire(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        """Take these versions out of service."""
        for model in queryset:
            model_retire(model=model, actor=request.user, reason="by hand in the admin")

    @admin.action(description="Roll back to the champion before this one")
    def roll_back(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        """Serve with the predecessor again."""
        for model in queryset:
            try:
                previous = model_roll_back(exchange=model.exchange, timeframe=model.timeframe, actor=request.user)
            except ValueError as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                self.message_user(request, f"{previous} serves again.")


@admin.register(TrainingRun)
class TrainingRunAdmin(HistoryAdmin):
    """Training runs, also the ones that ended with 'not enough data'."""

    list_display = ("started_at", "exchange", "timeframe", "trigger", "status", "progress", "message", "model")
    list_filter = ("status", "trigger", "exchange")
    list_select_related = ("model",)
