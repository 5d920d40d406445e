"""Admin of limits: the platform's (one row), those of accounts, and what is taken of each pair."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.http import HttpRequest

from accounts.admin import AuditedAdmin, HistoryAdmin
from trading.models import AccountLimits, CapacityHold, PairCapacity, PlatformLimits
from trading.services import fields
from trading.services.limits import ACCOUNT_DECIMALS, ORDERS, PLATFORM_DECIMALS, QUOTE_AGE


class LimitsForm(ModelForm):  # type: ignore[type-arg]
    """Refuses what the service would refuse, in the same words."""

    def clean(self) -> dict[str, Any]:
        """Every number within its range."""
        clean: dict[str, Any] = super().clean() or self.cleaned_data
        ranges = ACCOUNT_DECIMALS | PLATFORM_DECIMALS | {"orders_per_minute": ORDERS, "quote_age_s": QUOTE_AGE}
        for name in set(clean) & set(ranges):
            _range_check(self, name, ranges[name], clean[name])
        return clean


def _range_check(form: LimitsForm, name: str, limits: fields.Range, value: Any) -> None:
    try:
        limits.decimal(value)
    except ValueError as error:
        form.add_error(name, ValidationError(str(error)))


@admin.register(PlatformLimits)
class PlatformLimitsAdmin(AuditedAdmin):
    """One row; without it the defaults hold. In force with each account's next turn."""

    form = LimitsForm
    list_display = ("__str__", "minimum_deposit", "quote_age_s", "capacity_share")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """There is one row."""
        return super().has_add_permission(request) and not PlatformLimits.objects.exists()


@admin.register(AccountLimits)
class AccountLimitsAdmin(AuditedAdmin):
    """Limits over all bots of an account; its owner sets them too."""

    form = LimitsForm
    list_display = ("account", "coin_exposure", "group_exposure", "daily_loss", "on_breach", "orders_per_minute")
    list_filter = ("on_breach", "account__mode")
    search_fields = ("account__name", "account__user__email")
    list_select_related = ("account",)
    autocomplete_fields = ("account",)
    readonly_fields = ("counted_from", "updated_at")


@admin.register(PairCapacity)
class PairCapacityAdmin(HistoryAdmin):
    """What all bots together hold of a pair."""

    list_display = ("instrument", "mode", "taken")
    list_filter = ("mode",)
    search_fields = ("instrument__symbol",)
    list_select_related = ("instrument",)


@admin.register(CapacityHold)
class CapacityHoldAdmin(HistoryAdmin):
    """Which entry took how much."""

    list_display = ("at", "pair", "units", "intent_id")
    list_filter = ("pair__mode",)
    search_fields = ("intent_id",)
    list_select_related = ("pair__instrument",)
