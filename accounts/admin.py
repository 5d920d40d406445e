"""Admin of users, exchange accounts, the audit trail and notices."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from knox.models import AuthToken
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.models import AuditEvent, ExchangeAccount, Notice, User
from accounts.selectors import KeyCensus, key_id_of, keys_census, keys_held
from accounts.services.audit import audit_record
from accounts.services.exchange_accounts import account_pause, account_resume

admin.site.unregister(Group)

Action = Callable[[Any, HttpRequest, QuerySet[Any]], None]


def staff_of(request: HttpRequest) -> User:
    """Who is at work in the admin (its pages let nobody else in)."""
    return cast(User, request.user)


class HistoryAdmin(ModelAdmin):
    """History is looked at, never edited: no adding, changing or deleting."""

    list_per_page = 50
    list_filter_submit = True
    compressed_fields = True
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never (viewing stays allowed)."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


class AuditedAdmin(ModelAdmin):
    """Every change made in the admin leaves an audit event with the names of the changed fields, not their values."""

    list_per_page = 50
    compressed_fields = True

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save, then record who changed which fields."""
        super().save_model(request, obj, form, change)
        self.audit(request, obj, form, change)

    def audit(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Record who changed which fields."""
        action = f"{obj._meta.model_name}_{'changed' if change else 'added'}_in_admin"
        audit_record(
            actor=cast(User, request.user), action=action, obj=obj, detail={"fields": sorted(form.changed_data)}
        )


@admin.register(User)
class UserAdmin(DjangoUserAdmin, AuditedAdmin):
    """Users by email. Higher rooms add their bulk actions with `user_action_add`."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    ordering = ("email",)
    list_display = ("email", "name", "role", "is_active", "is_staff", "preferred_exchange", "last_login", "created_at")
    list_filter = ("role", "is_active", "is_staff", "language")
    search_fields = ("email", "name", "public_id")
    readonly_fields = ("public_id", "created_at", "last_login")
    filter_horizontal = ("user_permissions",)
    fieldsets = (
        (None, {"fields": ("email", "password", "public_id")}),
        ("Person", {"fields": ("name", "language", "time_zone", "preferred_exchange")}),
        ("Rights", {"fields": ("role", "is_active", "is_staff", "is_superuser", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "created_at")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "name", "role", "password1", "password2")}),)


def user_action_add(action: Action) -> None:
    """Let a higher room offer a bulk action on users."""
    UserAdmin.actions = [*(UserAdmin.actions or []), action]  # type: ignore[list-item, misc]


class MasterKeyFilter(admin.SimpleListFilter):
    """By the master key that the stored keys need, with how many there are and what is to be done about them."""

    title, parameter_name = "master key", "master_key"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """One line for each master key in use."""
        census = keys_census()
        return [(key_id, _key_words(census, key_id)) for key_id in sorted(census.counts)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The accounts whose keys are under the chosen one."""
        if self.value() is None:
            return queryset
        return queryset.filter(pk__in=[pk for pk, key_id in keys_held() if key_id == self.value()])


def _key_words(census: KeyCensus, key_id: str) -> str:
    what = "current" if key_id == census.current else "not configured" if key_id in census.closed else "to rotate"
    return f"{key_id}: {census.counts[key_id]} ({what})"


@admin.register(ExchangeAccount)
class ExchangeAccountAdmin(AuditedAdmin):
    """Accounts: staff see modes and states, never keys. Keys are entered by their owner only; the currency that the
    books are kept in never changes, and what pauses or resumes an account has the owner's checks."""

    list_display = (
        "name",
        "user",
        "exchange",
        "mode",
        "status",
        "verification",
        "key_hint",
        "master_key",
        "last_checked_at",
    )
    list_filter = ("exchange", "mode", "status", "verification", MasterKeyFilter)
    search_fields = ("name", "user__email", "public_id")
    list_select_related = ("user",)
    autocomplete_fields = ("user",)
    readonly_fields = (
        "public_id",
        "user",
        "exchange",
        "mode",
        "key_hint",
        "master_key",
        "verification",
        "verification_detail",
        "permissions",
        "verified_at",
        "last_checked_at",
        "created_at",
        "paper_start_balance",
        "live_enabled",
        "quote_currency",
        "status",
        "status_reason",
    )
    actions = ("pause", "resume")
    exclude = ("sealed_credentials",)

    @admin.display(description="Master key")
    def master_key(self, account: ExchangeAccount) -> str:
        """The id of the master key that the stored keys are under (`manage.py keys_rotate` changes it)."""
        return key_id_of(account.sealed_credentials) if account.sealed_credentials else "no keys"

    @admin.action(description="Pause: no new entries", permissions=("change",))
    def pause(self, request: HttpRequest, accounts: QuerySet[ExchangeAccount]) -> None:
        """No trading on these accounts until they are resumed."""
        self._each(request, accounts, partial(account_pause, reason="Paused by staff."), "paused")

    @admin.action(description="Resume", permissions=("change",))
    def resume(self, request: HttpRequest, accounts: QuerySet[ExchangeAccount]) -> None:
        """These accounts may trade again."""
        self._each(request, accounts, account_resume, "resumed")

    def _each(
        self, request: HttpRequest, accounts: QuerySet[ExchangeAccount], act: Callable[..., Any], done: str
    ) -> None:
        """The owner's own steps, with all their checks."""
        for account in accounts:
            try:
                act(account=account, actor=staff_of(request))
                self.message_user(request, f"{account} is {done}.")
            except ValidationError as error:
                self.message_user(request, f"{account}: {' '.join(error.messages)}", messages.ERROR)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Only what was changed here is written: keys that are replaced or rotated at this moment are not undone."""
        obj.save(update_fields=form.changed_data)
        self.audit(request, obj, form, change)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Owners add their accounts on their own page."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Accounts carry a ledger: they are removed by their owner (and kept for the record)."""
        return False


@admin.register(AuditEvent)
class AuditEventAdmin(HistoryAdmin):
    """Who did what."""

    list_display = ("created_at", "actor", "action", "object_type", "object_id", "ip_address")
    list_filter = ("action", ("created_at", RangeDateTimeFilter))
    search_fields = ("action", "object_id", "actor__email")
    list_select_related = ("actor",)
    date_hierarchy = "created_at"


@admin.register(Notice)
class NoticeAdmin(HistoryAdmin):
    """Messages sent to users."""

    list_display = ("created_at", "level", "user", "title", "read_at")
    list_filter = ("level",)
    search_fields = ("title", "text", "user__email")
    list_select_related = ("user",)


admin.site.unregister(AuthToken)


@admin.register(AuthToken)
class AuthTokenAdmin(HistoryAdmin):
    """Logins of the API, to be looked at and revoked: whoever writes a digest is its user."""

    list_display = ("user", "created", "expiry")
    search_fields = ("user__email",)
    list_select_related = ("user",)
    fields = readonly_fields = ("user", "created", "expiry")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Revoking: the token ends at once."""
        return super(HistoryAdmin, self).has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Revoke, on the record."""
        audit_record(actor=staff_of(request), action="token.revoked_in_admin", obj=obj.user)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Each on the record."""
        for token in queryset:
            self.delete_model(request, token)
