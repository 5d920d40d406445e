"""The beat table in the admin: what is switched off or deleted there is on the record."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django_celery_beat.admin import PeriodicTaskAdmin
from django_celery_beat.models import PeriodicTask

from accounts.admin import staff_of
from accounts.services.audit import audit_record

admin.site.unregister(PeriodicTask)


@admin.register(PeriodicTask)
class AuditedTaskAdmin(PeriodicTaskAdmin):  # type: ignore[misc]
    """The stock page, and an audit event for each change."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save, then record which fields were changed."""
        super().save_model(request, obj, form, change)
        self._record(request, obj, "changed" if change else "added", fields=sorted(form.changed_data))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Record, then delete."""
        self._record(request, obj, "deleted")
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """The same of several."""
        for task in queryset:
            self._record(request, task, "deleted")
        super().delete_queryset(request, queryset)

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """What is done with the chosen rows (switched off or on, run)."""
        name = request.POST.get("action", "")
        if name in self.actions:
            for task in queryset.filter(pk__in=request.POST.getlist("_selected_action")):
                self._record(request, task, name)
        found: HttpResponse | None = super().response_action(request, queryset)
        return found

    @staticmethod
    def _record(request: HttpRequest, task: PeriodicTask, what: str, **detail: Any) -> None:
        action = f"periodic_task_{what}_in_admin"
        audit_record(actor=staff_of(request), action=action, obj=task, detail={"task": task.name, **detail})
