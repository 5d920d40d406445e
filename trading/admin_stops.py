"""Admin of the stop ladder, and the bulk actions that set and lift stops on users, exchanges and bots."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.template.loader import render_to_string
from unfold.contrib.filters.admin import RangeDateTimeFilter

from accounts.admin import HistoryAdmin, staff_of, user_action_add
from accounts.models import User
from signals.admin import exchange_action_add
from signals.models import ExchangeState
from trading.models import StopSwitch
from trading.selectors.stop_report import stop_report
from trading.selectors.stops import stop_target
from trading.services.stops import stop_clear, stop_set, stop_target_check, stops_clear

Level = StopSwitch.Level
Scope = StopSwitch.Scope


class StopForm(ModelForm):  # type: ignore[type-arg]
    """A new stop; what the service would refuse is an error of the form."""

    actor: User

    class Meta:
        model = StopSwitch
        fields = ("scope", "target", "level", "reason")
        help_texts: ClassVar[dict[str, str]] = {
            "target": "Empty for everything; an exchange's name; a user's email; else the object's public id."
        }

    def clean(self) -> dict[str, Any]:
        """The target must be there."""
        clean: dict[str, Any] = super().clean() or self.cleaned_data
        try:
            stop_target_check(clean.get("scope", ""), clean.get("target", ""), self.actor)
        except ValidationError as error:
            self.add_error(None, error)
        return clean


@admin.register(StopSwitch)
class StopSwitchAdmin(HistoryAdmin):
    """The stop ladder: add a row to stop, use the action to let go on."""

    list_display = ("set_at", "scope", "whom", "level", "imposed", "reason", "set_by", "cleared_at")
    list_filter = ("scope", "level", "imposed", ("set_at", RangeDateTimeFilter))
    form = StopForm
    fields = ("scope", "target", "level", "reason", "report")
    readonly_fields = ("report",)
    actions = ("clear",)
    list_per_page = 50

    @admin.display(description="On")
    def whom(self, switch: StopSwitch) -> str:
        """The target by name."""
        return stop_target(switch)

    @admin.display(description="What it has done")
    def report(self, switch: StopSwitch) -> str:
        """Per account: orders cancelled, positions closed, what is left and why. Reload to follow."""
        if switch.pk is None:
            return "Shown here once the stop is set."
        return render_to_string("admin/trading/stop_report.html", {"report": stop_report(switch)})

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Staff with the right may stop things."""
        return super(HistoryAdmin, self).has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Bulk actions need the right to change; a stop itself is never edited."""
        return obj is None and super(HistoryAdmin, self).has_change_permission(request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form knows who asks."""
        form = super().get_form(request, obj, change, **kwargs)
        form.actor = staff_of(request)
        return form

    def save_model(self, request: HttpRequest, obj: StopSwitch, form: ModelForm, change: bool) -> None:
        """Through the service: it audits and wakes what is concerned."""
        stored = stop_set(
            scope=obj.scope,
            target=obj.target,
            level=obj.level,
            reason=obj.reason,
            actor=staff_of(request),
            imposed=True,
        )
        obj.pk = stored.pk

    @admin.action(description="Let go on (clear the stop)")
    def clear(self, request: HttpRequest, queryset: QuerySet[StopSwitch]) -> None:
        """End these stops."""
        for stop in queryset.filter(cleared_at=None):
            stop_clear(switch=stop, actor=staff_of(request))
        self.message_user(request, "Cleared. Bots decide again from now on.")


def stop_all(model_admin: Any, request: HttpRequest, scope: str, targets: list[str]) -> None:
    """Put a stop of the first level on each target and say so."""
    for target in targets:
        stop_set(
            scope=scope,
            target=target,
            level=Level.NO_NEW_ENTRIES,
            reason="Paused by staff.",
            actor=staff_of(request),
            imposed=True,
        )
    model_admin.message_user(
        request,
        f"{len(targets)} paused: no new entries, exits go on. The action beside this one lets them go on.",
        messages.WARNING,
    )


def _clear_all(model_admin: Any, request: HttpRequest, scope: str, targets: list[str]) -> None:
    lifted = sum(stops_clear(scope=scope, target=target, actor=staff_of(request), imposed=True) for target in targets)
    model_admin.message_user(request, f"{lifted} let go on. A trader's own stops stay.")


@admin.action(description="Pause trading (no new entries)")
def pause_users(model_admin: Any, request: HttpRequest, queryset: QuerySet[User]) -> None:
    """Stop new entries of all bots of these users."""
    stop_all(model_admin, request, Scope.USER, [str(user.public_id) for user in queryset])


@admin.action(description="Let trading go on")
def resume_users(model_admin: Any, request: HttpRequest, queryset: QuerySet[User]) -> None:
    """Lift what staff put on these users."""
    _clear_all(model_admin, request, Scope.USER, [str(user.public_id) for user in queryset])


@admin.action(description="Pause trading (no new entries)")
def pause_exchanges(model_admin: Any, request: HttpRequest, queryset: QuerySet[ExchangeState]) -> None:
    """Stop new entries at these exchanges."""
    stop_all(model_admin, request, Scope.EXCHANGE, [state.exchange for state in queryset])


@admin.action(description="Let trading go on")
def resume_exchanges(model_admin: Any, request: HttpRequest, queryset: QuerySet[ExchangeState]) -> None:
    """Lift what staff put on these exchanges."""
    _clear_all(model_admin, request, Scope.EXCHANGE, [state.exchange for state in queryset])


user_action_add(pause_users)
user_action_add(resume_users)
exchange_action_add(pause_exchanges)
exchange_action_add(resume_exchanges)
