"""Who sees what: every list and every id is limited to the user's own rows."""

from typing import Any, cast

from django.db.models import QuerySet
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.fields import storable
from accounts.models import User


class OwnRows:
    """For views over rows that belong to a user; `owner` is the path from a row to its user.

    Staff see everybody's rows only when they ask with ?all=1.
    """

    owner = "user"

    def get_queryset(self) -> QuerySet[Any]:
        """The view's rows that the user may see."""
        rows: QuerySet[Any] = super().get_queryset()  # type: ignore[misc]
        if getattr(self, "swagger_fake_view", False):
            return rows.none()
        request: Request = self.request  # type: ignore[attr-defined]
        return rows if sees_all(request) else rows.filter(**{self.owner: request.user})


def sees_all(request: Request) -> bool:
    """Whether a member of the staff asked for everybody's rows."""
    asked = request.query_params.get("all", "0")
    if asked not in ("0", "1"):
        raise ValidationError({"all": ["0 (your own rows) or 1 (everybody's, for staff)."]})
    if asked == "1" and not user_of(request).is_staff:
        raise PermissionDenied("Only staff may see everybody's rows: leave 'all' out.")
    return asked == "1"


class NoIntegrationWrites(BasePermission):
    """Integrations read and trade; keys and accounts are changed by people."""

    message = "Integrations may read and trade, but not change accounts: log in as their owner."

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Reading is always fine."""
        return request.method in SAFE_METHODS or user_of(request).role != User.Role.INTEGRATION


def user_of(request: Request) -> User:
    """The logged-in user (every view but login and health requires one)."""
    return cast(User, request.user)


def ip_of(request: Request) -> str | None:
    """Where the request came from, for the audit trail."""
    return request.META.get("REMOTE_ADDR") or None


def body_of(request: Request) -> dict[str, Any]:
    """The JSON object that was sent, its texts such as a database can keep."""
    if not isinstance(request.data, dict):
        raise ValidationError({"general": ["Send one JSON object."]})
    if bad := [name for name, value in request.data.items() if not (_storable(value) and storable(name))]:
        words = ["It holds characters that cannot be stored (NUL, or half of a surrogate pair)."]
        raise ValidationError({name if storable(name) else "general": words for name in bad})
    return dict(request.data)


def _storable(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_storable(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return all(_storable(part) for part in value)
    return not isinstance(value, str) or storable(value)
