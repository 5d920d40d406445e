"""How lists are paged in the API: by a cursor on (moment, id), stable while rows are added."""

from rest_framework.pagination import CursorPagination


class CreatedCursorPagination(CursorPagination):
    """Newest first."""

    ordering: tuple[str, ...] = ("-created_at", "-id")
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    invalid_cursor_message = "This cursor is not one of ours: follow 'next' and 'previous' as they are given."


def cursor_on(moment: str) -> type[CreatedCursorPagination]:
    """Newest first by another column, such as `closed_at`."""
    return type(
        f"{moment.title().replace('_', '')}Cursor", (CreatedCursorPagination,), {"ordering": (f"-{moment}", "-id")}
    )
