"""The chain that chooses symbols, and the symbols in trouble, in the admin."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import action

from accounts.admin import AuditedAdmin, HistoryAdmin, staff_of
from accounts.clock import now
from accounts.services.audit import audit_record
from signals.admin.selection_forms import StepAddForm, parameter_fields, step_form
from signals.admin.selection_preview import preview_context
from signals.domain.selection import REGISTRY
from signals.domain.selection.candles import COMMON
from signals.domain.selection.parameters import plain
from signals.models import SelectionStep, SymbolTrouble
from signals.services.troubles import trouble_retry


@admin.register(SelectionStep)
class SelectionStepAdmin(AuditedAdmin):
    """Steps in the order they run: drag a row (or edit its position) and save. The preview changes nothing."""

    list_display = ("title", "for_exchange", "told", "position", "enabled")
    list_display_links = ("title",)
    list_editable = ("position", "enabled")
    list_filter = ("enabled", "exchange")
    ordering = ("position", "pk")
    ordering_field = "position"
    actions_list = ("preview",)
    readonly_fields = ("title", "help")

    @admin.display(description="Filter", ordering="kind")
    def title(self, obj: SelectionStep) -> str:
        """The filter's name."""
        rules = REGISTRY.get(obj.kind)
        return rules.title if rules else f"{obj.kind} (no such filter: the step is skipped)"

    @admin.display(description="What it does")
    def help(self, obj: SelectionStep) -> str:
        """What the filter does, and what it does without data."""
        rules = REGISTRY.get(obj.kind)
        return f"{rules.help} Without data: {rules.missing}." if rules else "Delete this step."

    @admin.display(description="Exchange", ordering="exchange")
    def for_exchange(self, obj: SelectionStep) -> str:
        """Whose chain the step belongs to."""
        return obj.get_exchange_display() if obj.exchange else "every exchange"

    @admin.display(description="Parameters")
    def told(self, obj: SelectionStep) -> str:
        """The parameters; those every filter shares only where they differ from their default."""
        usual = {parameter.name: parameter.default for parameter in COMMON}
        shown = {name: value for name, value in obj.parameters.items() if usual.get(name) != value}
        return ", ".join(f"{name.replace('_', ' ')} {_text(value)}" for name, value in shown.items()) or "none"

    def get_fieldsets(self, request: HttpRequest, obj: SelectionStep | None = None) -> Any:
        """Where the step stands, then what its filter takes."""
        if obj is None:
            return [(None, {"fields": ("kind", "exchange", "position", "enabled")})]
        first = ("title", "help", "exchange", "position", "enabled")
        return [(None, {"fields": first}), ("Parameters", {"fields": parameter_fields(obj.kind)})]

    def get_readonly_fields(self, request: HttpRequest, obj: SelectionStep | None = None) -> Any:
        """The kind is chosen once."""
        return () if obj is None else self.readonly_fields

    def get_form(self, request: HttpRequest, obj: SelectionStep | None = None, change: bool = False, **kw: Any) -> Any:
        """A field for each parameter of the step's filter."""
        kw["form"] = StepAddForm if obj is None else step_form(obj.kind)
        return super().get_form(request, obj, change, **kw)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new step comes last."""
        last = SelectionStep.objects.order_by("-position").values_list("position", flat=True).first()
        return {"position": (last or 0) + 1, "enabled": True, **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: SelectionStep, form: Any, change: bool) -> None:
        """Save with the moment; it counts from the next selection on."""
        obj.updated_at = now()
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: SelectionStep, post_url_continue: Any = None) -> HttpResponse:
        """On to the parameters."""
        posted = request.POST.copy()
        posted["_continue"] = "1"
        request.POST = posted  # type: ignore[assignment]
        return super().response_add(request, obj, post_url_continue)

    def get_urls(self) -> list[URLPattern]:
        """The page's button beside the usual addresses."""
        apply = path("apply/", self.admin_site.admin_view(self.apply), name="signals_selectionstep_apply")
        return [apply, *super().get_urls()]

    @action(description="Preview", url_path="preview", icon="preview", permissions=["view"])
    def preview(self, request: HttpRequest) -> HttpResponse:
        """How many pass each step and why the others fall, changing nothing."""
        title = "Preview of the selection"
        context = {**self.admin_site.each_context(request), "title": title, "opts": self.model._meta}
        context |= {"may_apply": self.has_change_permission(request)}
        return TemplateResponse(request, "admin/signals/selection_preview.html", context | preview_context(request.GET))

    def apply(self, request: HttpRequest) -> HttpResponse:
        """Select anew now, in the background."""
        from signals.tasks import markets_refresh

        if request.method != "POST" or not self.has_change_permission(request):
            raise PermissionDenied
        exchange = request.POST.get("exchange", "")
        if exchange in settings.XRAY_MARKET_EXCHANGES:
            markets_refresh.delay(exchange)
            audit_record(actor=staff_of(request), action="selection.applied", detail={"exchange": exchange})
            self.message_user(request, f"The symbols of {exchange} are being selected anew; see Instruments shortly.")
        else:
            self.message_user(request, "Choose one of the exchanges that are scanned.", messages.ERROR)
        return HttpResponseRedirect(reverse("admin:signals_selectionstep_changelist"))


@admin.register(SymbolTrouble)
class SymbolTroubleAdmin(HistoryAdmin):
    """Symbols that fail or are not supported, why, and when they are tried again."""

    list_display = ("symbol", "exchange", "kind", "reason", "count", "first_seen", "last_seen", "retry_at")
    list_filter = ("kind", "exchange")
    search_fields = ("symbol", "reason")
    actions = ("retry",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Bulk actions need the right to change; the fields themselves stay read-only."""
        return obj is None and super(HistoryAdmin, self).has_change_permission(request, obj)

    @admin.action(description="Try again now", permissions=["change"])
    def retry(self, request: HttpRequest, queryset: QuerySet[SymbolTrouble]) -> None:
        """Let them into the next selection, which is started at once."""
        from signals.tasks import markets_refresh

        rows = list(queryset)
        for row in rows:
            trouble_retry(trouble=row)
            audit_record(actor=staff_of(request), action="trouble.retried", obj=row, detail={"symbol": row.symbol})
        for exchange in sorted({row.exchange for row in rows} & set(settings.XRAY_MARKET_EXCHANGES)):
            markets_refresh.delay(exchange)
        self.message_user(request, f"{len(rows)} symbols are tried again with a selection that is being made now.")


def _text(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} names" if len(value) > 3 else "+".join(str(one) for one in value) or "none"
    return plain(value) if isinstance(value, float) else str(value)
