"""Filters of lists. A parameter that a list does not know is refused, not ignored: it would show too much."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import BooleanField, QuerySet
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

ALWAYS = {"page_size", "cursor", "all", "format"}


class StrictFilterBackend(DjangoFilterBackend):  # type: ignore[misc]
    """django-filter, refusing parameters that are unknown, empty or given twice, with the list of known ones."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """Check the names first, then filter."""
        filters = getattr(getattr(view, "filterset_class", None), "base_filters", {})
        parameters_check(request, filters)
        return super().filter_queryset(request, queryset, view)


def parameters_check(request: Request, filters: Mapping[str, Any]) -> None:
    """Refuse parameters that are not `filters` (nor every list's), or that would filter nothing."""
    known = sorted({*filters, "page_size", "cursor"})
    errors: dict[str, list[str]] = {}
    for name, values in request.query_params.lists():
        if name not in filters and name not in ALWAYS:
            errors[name] = [f"Unknown parameter. Known: {', '.join(known)}."]
        elif "" in values:
            errors[name] = ["Give a value, or leave the parameter out."]
        elif len(values) > 1 and not isinstance(filters.get(name), django_filters.MultipleChoiceFilter):
            errors[name] = ["Give it once: one value at a time."]
    if errors:
        raise ValidationError(errors)


class _TrueFalseField(forms.Field):
    """Django's own takes any other word for no answer, and the list would show everything."""

    widget = forms.TextInput
    words: ClassVar[dict[str, bool]] = {"true": True, "1": True, "false": False, "0": False}

    def to_python(self, value: Any) -> bool | None:
        """True, false, or nothing where nothing was given."""
        if value in (None, ""):
            return None
        if (known := self.words.get(str(value).lower())) is None:
            raise forms.ValidationError("Either true or false.")
        return known


class TrueFalseFilter(django_filters.BooleanFilter):  # type: ignore[misc]
    """A boolean that refuses every other word."""

    field_class = _TrueFalseField


class MomentFilterSet(FilterSet):  # type: ignore[misc]
    """`since` (inclusive) and `until` (exclusive), ISO 8601 moments on the column named by `moment`."""

    FILTER_DEFAULTS: ClassVar[dict[Any, Any]] = {
        **FilterSet.FILTER_DEFAULTS,
        BooleanField: {"filter_class": TrueFalseFilter},
    }
    moment = "created_at"
    since = django_filters.IsoDateTimeFilter(method="_since", help_text="ISO 8601, inclusive: 2026-01-31T00:00:00Z")
    until = django_filters.IsoDateTimeFilter(method="_until", help_text="ISO 8601, exclusive.")

    def _since(self, rows: QuerySet[Any], name: str, value: datetime) -> QuerySet[Any]:
        return rows.filter(**{f"{self.moment}__gte": _utc(name, value)})

    def _until(self, rows: QuerySet[Any], name: str, value: datetime) -> QuerySet[Any]:
        return rows.filter(**{f"{self.moment}__lt": _utc(name, value)})


def _utc(name: str, value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValidationError({name: ["A moment of the years 1 to 9999 UTC."]}) from None


class UpperCharFilter(django_filters.CharFilter):  # type: ignore[misc]
    """Symbols are compared in upper case: btc/usdt finds BTC/USDT."""

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        """Filter by the value in upper case."""
        return super().filter(qs, value.upper() if value else value)
