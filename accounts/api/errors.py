"""One shape for every error of the API: what happened and what to do."""

from typing import Any

from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's own answers (for now the default shape)."""
    return drf_exception_handler(error, context)
