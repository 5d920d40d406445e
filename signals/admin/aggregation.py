"""Weights of sources, blacklist and refused signals in the admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.admin import AuditedAdmin, HistoryAdmin, staff_of
from signals.admin.columns import number_column
from signals.models import Blacklist, RefusedSignal, SourceWeight
from signals.services.blacklist import blacklist_add, blacklist_lift


class SourceWeightForm(forms.ModelForm):  # type: ignore[type-arg]
    """0 <= low <= weight <= high."""

    class Meta:
        model = SourceWeight
        fields = ("weight", "low", "high", "locked")

    def clean(self) -> dict[str, Any]:
        """Bounds in words."""
        given = super().clean() or {}
        low, weight, high = (given.get(name) for name in ("low", "weight", "high"))
        if low is None or weight is None or high is None:
            return given
        if not 0.0 <= low <= high <= 5.0:
            self.add_error("high" if low >= 0.0 else "low", "The bounds lie from 0 to 5, the lower one first.")
        elif not low <= weight <= high:
            self.add_error("weight", f"The weight lies from {low:g} to {high:g}, or those bounds must change.")
        return given


@admin.register(SourceWeight)
class SourceWeightAdmin(AuditedAdmin):
    """Learned weights; a locked one is left as staff set it."""

    form = SourceWeightForm
    list_display = (
        "name", "exchange", "timeframe", "n_weight", "n_low", "n_high", "n_samples", "n_return", "n_won", "locked",
    )  # fmt: skip
    list_filter = ("exchange", "timeframe", "locked")
    search_fields = ("name",)
    readonly_fields = ("name", "exchange", "timeframe", "n_samples", "n_return", "n_won", "updated_at")

    n_weight = number_column("weight", "Weight", 2)
    n_low = number_column("low", "Low", 2)
    n_high = number_column("high", "High", 2)
    n_samples = number_column("samples", "Outcomes")
    n_return = number_column("mean_return", "Mean net return", 2, scale=100.0, unit=" %", signed=True)
    n_won = number_column("win_rate", "Won", scale=100.0, unit=" %")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Learning makes them."""
        return False


class BlacklistForm(forms.ModelForm):  # type: ignore[type-arg]
    """Several symbols at once; the service checks each."""

    symbols = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Such as BTC/USDT; several with spaces or commas between. Empty: every symbol.",
    )

    class Meta:
        model = Blacklist
        fields = ("symbols", "kind", "user", "exchange", "reason", "expires_at")

    def clean(self) -> dict[str, Any]:
        """Add all or none; what is refused is said at its field."""
        given = super().clean() or {}
        if self.errors:
            return given
        values: dict[str, Any] = {name: given.get(name) for name in ("user", "reason", "expires_at")}
        values |= {name: given.get(name) or "" for name in ("kind", "exchange")}
        try:
            with transaction.atomic():
                self.added = [
                    blacklist_add(actor=self.actor, symbol=symbol, **values)  # type: ignore[attr-defined]
                    for symbol in given["symbols"].replace(",", " ").split() or [""]
                ]
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                self.add_error("symbols" if name == "symbol" else name, messages)
        return given


@admin.register(Blacklist)
class BlacklistAdmin(HistoryAdmin):
    """Entries are added (many at once) and lifted, never edited: they are the history of what was refused, and why."""

    form = BlacklistForm
    list_display = ("__str__", "exchange", "symbol", "kind", "user", "reason", "expires_at", "lifted_at", "created_by")
    list_filter = ("exchange", "kind", ("expires_at", RangeDateTimeFilter))
    search_fields = ("symbol", "reason", "user__email")
    list_select_related = ("user", "created_by")
    autocomplete_fields = ("user",)
    actions = ("lift",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may add them."""
        return bool(request.user.has_perm("signals.add_blacklist"))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form knows who is at work."""
        return type("Form", (super().get_form(request, obj, change, **kwargs),), {"actor": staff_of(request)})

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """The service has stored the entries already."""
        form.save_m2m = lambda: None
        return form.added[0]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing is left to do."""

    @admin.action(description="Lift now")
    def lift(self, request: HttpRequest, queryset: QuerySet[Blacklist]) -> None:
        """End these entries."""
        count = blacklist_lift(rows=queryset, actor=staff_of(request))
        self.message_user(request, f"{count} of {len(queryset)} entries were in force and are lifted.")


@admin.register(RefusedSignal)
class RefusedSignalAdmin(HistoryAdmin):
    """Signals that were made and not emitted."""

    list_display = ("candle_open_time", "instrument", "timeframe", "side", "n_confidence", "strategy", "rule", "reason")
    list_filter = ("rule", "side", "strategy", "timeframe", ("candle_open_time", RangeDateTimeFilter))
    search_fields = ("instrument__symbol", "reason")
    list_select_related = ("instrument", "strategy")

    n_confidence = number_column("confidence", "Confidence", 2)
