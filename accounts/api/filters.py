"""Filters of lists. A parameter that a list does not know is refused, not ignored: it would show too much."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

ALWAYS = {"page_size", "cursor", "all", "format"}


class StrictFilterBackend(DjangoFilterBackend):  # type: ignore[misc]
    """django-filter, refusing unknown parameters with the list of known ones."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """Check the names first, then filter."""
        known = set(getattr(getattr(view, "filterset_class", None), "base_filters", {}))
        if unknown := sorted(set(request.query_params) - known - ALWAYS):
            words = f"Unknown parameter. Known: {', '.join(sorted(known | {'page_size', 'cursor'}))}."
            raise ValidationError({name: [words] for name in unknown})
        return super().filter_queryset(request, queryset, view)


class MomentFilterSet(FilterSet):  # type: ignore[misc]
    """`since` (inclusive) and `until` (exclusive), ISO 8601 moments on the column named by `moment`."""

    moment = "created_at"
    since = django_filters.IsoDateTimeFilter(method="_since", help_text="ISO 8601, inclusive: 2026-01-31T00:00:00Z")
    until = django_filters.IsoDateTimeFilter(method="_until", help_text="ISO 8601, exclusive.")

    def _since(self, rows: QuerySet[Any], _name: str, value: Any) -> QuerySet[Any]:
        return rows.filter(**{f"{self.moment}__gte": value})

    def _until(self, rows: QuerySet[Any], _name: str, value: Any) -> QuerySet[Any]:
        return rows.filter(**{f"{self.moment}__lt": value})


class UpperCharFilter(django_filters.CharFilter):  # type: ignore[misc]
    """Symbols are compared in upper case: btc/usdt finds BTC/USDT."""

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        """Filter by the value in upper case."""
        return super().filter(qs, value.upper() if value else value)
