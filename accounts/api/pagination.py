"""How lists are paged in the API: by a cursor on (moment, id), stable while rows are added."""

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

BAD_CURSOR = "This cursor is not one of ours: follow 'next' and 'previous' as they are given."


class CreatedCursorPagination(CursorPagination):
    """Newest first."""

    ordering: tuple[str, ...] = ("-created_at", "-id")
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def get_page_size(self, request: Request) -> int:
        """What was asked for. Anything but a whole number in the range is refused: a script would lose rows by it."""
        asked = request.query_params.get("page_size", str(self.page_size))
        if asked.isascii() and asked.isdigit() and len(asked) < 10 and 1 <= int(asked) <= self.max_page_size:
            return int(asked)
        raise ValidationError({"page_size": [f"A whole number from 1 to {self.max_page_size}."]})

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """One page; a cursor that is none is a bad value, not a missing thing."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (NotFound, DjangoValidationError, OverflowError, ValueError):
            raise ValidationError({"cursor": [BAD_CURSOR]}) from None

    def decode_cursor(self, request: Request) -> Any:
        """The cursor with its moment in UTC: a database refuses what Python still takes for a time."""
        cursor: Any = super().decode_cursor(request)  # its stub takes the position, a text, for a number
        if cursor is None or cursor.position is None:
            return cursor
        moment = datetime.fromisoformat(cursor.position)
        return cursor if moment.tzinfo is None else cursor._replace(position=str(moment.astimezone(UTC)))

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The range of page_size, told."""
        found = super().get_schema_operation_parameters(view)
        size = {"type": "integer", "minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        return [{**one, "schema": size} if one["name"] == "page_size" else one for one in found]


def cursor_on(moment: str) -> type[CreatedCursorPagination]:
    """Newest first by another column, such as `closed_at`."""
    return type(
        f"{moment.title().replace('_', '')}Cursor", (CreatedCursorPagination,), {"ordering": (f"-{moment}", "-id")}
    )
