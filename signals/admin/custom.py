"""Custom strategies in the admin: upload a file, read its report at the line that is wrong, put it in force or not."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminFileFieldWidget

from accounts.admin import HistoryAdmin, staff_of
from accounts.models import User
from accounts.services.audit import audit_record
from signals.custom.static import SIZE_LIMIT
from signals.models import CustomStrategy
from signals.services.custom import CustomError, custom_disable, custom_enable, custom_file_check, custom_offer
from signals.tasks import custom_check

FACTS = {
    "scan_ms": "{} ms a scan", "memory_mb": "{} MB of memory", "signals": "{} signals on the synthetic markets",
    "settings": "{} sets of parameters tried", "needs": "{} candles of history needed",
    "real_markets": "{} real markets",
}  # fmt: skip


class UploadForm(forms.ModelForm):
    """A file of Python text; nothing of it runs before it is in its own process."""

    upload = forms.FileField(
        label="File",
        help_text="name.py, with one class that extends Strategy (docs/strategies.md).",
        widget=UnfoldAdminFileFieldWidget,
    )

    class Meta:
        model = CustomStrategy
        fields: ClassVar[list[str]] = []

    def clean_upload(self) -> tuple[str, str]:
        """Name and text of the file."""
        upload: UploadedFile = self.cleaned_data["upload"]
        if (upload.size or 0) > SIZE_LIMIT:
            raise forms.ValidationError(f"The file has {upload.size:,} bytes; at most {SIZE_LIMIT:,} are allowed.")
        try:
            return str(upload.name), upload.read().decode("utf-8")
        except UnicodeDecodeError:
            raise forms.ValidationError("The file is no UTF-8 text; upload the Python source.") from None

    def clean(self) -> dict[str, Any]:
        """Name and size must be those of a strategy's file."""
        if "upload" in self.cleaned_data:
            try:
                custom_file_check(*self.cleaned_data["upload"])
            except CustomError as error:
                self.add_error("upload", str(error))
        return self.cleaned_data


@admin.register(CustomStrategy)
class CustomStrategyAdmin(HistoryAdmin):
    """Every content is a row that never changes. Staff with the right to change custom strategies enable them."""

    list_display = (
        "name",
        "file",
        "status",
        "follow",
        "finding",
        "failures",
        "created_at",
        "enabled_at",
    )
    list_filter = ("status", "follow")
    search_fields = ("name", "file", "digest", "public_id")
    actions = ("check_again", "enable", "enable_and_follow", "disable")
    fields = ("name", "file", "digest", "status", "follow", "finding", "facts", "last_error", "failures",
              "uploaded_by", "created_at", "checked_at", "enabled_at", "code")  # fmt: skip
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """By Django's right to add."""
        return super(HistoryAdmin, self).has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Bulk actions need the right to change; a content itself stays read-only."""
        return obj is None and super(HistoryAdmin, self).has_change_permission(request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """An upload where there is no row yet."""
        return super().get_form(request, obj, change, **kwargs) if obj else UploadForm

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The same."""
        return self.fields if obj else ("upload",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The same."""
        return self.readonly_fields if obj else ()

    def save_model(self, request: HttpRequest, obj: CustomStrategy, form: Any, change: bool) -> None:
        """Offer the content; it is checked by a worker after the commit."""
        file, source = form.cleaned_data["upload"]
        row, fresh = custom_offer(file=file, source=source, actor=staff_of(request))
        obj.pk = row.pk
        obj.refresh_from_db()
        transaction.on_commit(partial(custom_check.delay, row.pk))
        text = "It is being checked; look at its report in some seconds." if fresh else "This content is known already."
        self.message_user(request, text)

    @admin.action(description="Check again", permissions=["change"])
    def check_again(self, request: HttpRequest, queryset: QuerySet[CustomStrategy]) -> None:
        """A worker checks them."""
        for custom in queryset:
            audit_record(actor=staff_of(request), action="custom_strategy.check_requested", obj=custom)
            custom_check.delay(custom.pk)
        self.message_user(request, "They are being checked; look at their reports in some seconds.")

    @admin.action(description="Enable (scan it)", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[CustomStrategy]) -> None:
        """Put these contents in force; a changed file is offered only."""
        self._each(request, queryset, partial(custom_enable, follow=False), "is in force")

    @admin.action(description="Enable and follow the file", permissions=["change"])
    def enable_and_follow(self, request: HttpRequest, queryset: QuerySet[CustomStrategy]) -> None:
        """Put these in force; a changed file takes its place when it passes the check."""
        self._each(request, queryset, partial(custom_enable, follow=True), "is in force and follows its file")

    @admin.action(description="Disable (do not scan it)", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[CustomStrategy]) -> None:
        """Stop scanning these."""
        self._each(request, queryset, custom_disable, "is not scanned any more")

    def _each(
        self, request: HttpRequest, queryset: QuerySet[CustomStrategy], act: Callable[..., Any], done: str
    ) -> None:
        for custom in queryset:
            try:
                act(custom=custom, actor=staff_of(request))
                self.message_user(request, f"{custom} {done}.")
            except CustomError as error:
                self.message_user(request, str(error), level="ERROR")

    @admin.display(description="Finding")
    def finding(self, obj: CustomStrategy) -> str:
        """The first thing that is wrong, with its line."""
        findings = obj.report.get("findings") or []
        if not findings:
            return "none" if obj.report.get("good") else "not checked yet"
        first = {**findings[0], "message": _rounded(str(findings[0]["message"]))}
        return f"line {first['line']}: {first['message']}" if first["line"] else str(first["message"])

    @admin.display(description="Measured")
    def facts(self, obj: CustomStrategy) -> str:
        """Figures of the check."""
        facts = obj.report.get("facts", {})
        told = [words.format(facts[name]) for name, words in FACTS.items() if name in facts]
        return ", ".join([*told, "compiled" if facts.get("kernel") else "not compiled"]) if told else "not yet"

    @admin.display(description="Uploaded by")
    def uploaded_by(self, obj: CustomStrategy) -> str:
        """A person, or the folder."""
        if obj.uploaded_by_id is None:
            return "nobody: found in the folder"
        return str(User.objects.filter(pk=obj.uploaded_by_id).first() or f"user {obj.uploaded_by_id}, who is gone")

    @admin.display(description="Source")
    def code(self, obj: CustomStrategy) -> SafeString:
        """The text with line numbers; wrong lines stand out, with what is wrong under them."""
        wrong: dict[int, str] = {}
        for found in obj.report.get("findings") or []:
            wrong.setdefault(int(found["line"]), str(found["message"]))
        lines = (_line(number, text, wrong.get(number)) for number, text in enumerate(obj.source.splitlines(), 1))
        body = format_html_join("", "{}", ((line,) for line in lines))
        return format_html('<pre class="listing">{}</pre>', body)


def _line(number: int, text: str, message: str | None) -> SafeString:
    if message is None:
        return format_html('<span class="line-number">{}</span>  {}\n', f"{number:4}", text)
    return format_html("<mark>{}  {}\n      ^ {}</mark>", f"{number:4}", text, _rounded(message))


def _rounded(message: str) -> str:
    """Numbers of a finding with six digits; a person compares them, nobody computes with them."""
    return re.sub(r"-?\d+\.\d{6,}(?:e[+-]?\d+)?", lambda found: f"{float(found[0]):.6g}", message)
