"""One shape for every error of the API: what happened and what to do.

{"error": {"code": "invalid", "message": "...", "fields": {"amount_quote": ["..."]}}}, never a traceback.
"""

import logging
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import IntegrityError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler
from rest_framework.views import set_rollback

from accounts.exchanges.errors import ExchangeError, ExchangeRefused

log = logging.getLogger(__name__)
GENERAL = "general"
NOT_FOUND = "There is no such thing, or it is not yours. Ids are UUIDs; the map of the API is at /api/docs."
SERVER_ERROR = "Something went wrong on our side; it was logged. Try again, and tell the staff if it stays."
LONGEST = 2000
TOO_DEEP = "The body is not valid JSON (it is nested too deeply)."
Fields = dict[str, list[str]]


def error_body(code: str, message: str, fields: Fields | None = None) -> dict[str, Any]:
    """The one shape; what was sent is quoted shortly, and so that it can be encoded."""
    told = {_quotable(name): [_quotable(text) for text in texts] for name, texts in (fields or {}).items()}
    return {"error": {"code": code, "message": _quotable(message), "fields": told}}


def _quotable(text: str) -> str:
    text = str(text).encode("utf-8", "replace").decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """Every exception of a view as the one shape; unknown ones are logged and answered without details."""
    if isinstance(error, UnicodeDecodeError):  # knox decodes the token without looking
        error = exceptions.AuthenticationFailed("The token holds bytes that no token has.")
    if isinstance(error, DjangoValidationError | exceptions.ValidationError):
        answer = _invalid(error)
    elif isinstance(error, ExchangeError):
        answer = _exchange(error)
    elif isinstance(error, IntegrityError):
        answer = Response(
            error_body("conflict", "Somebody changed this at the same moment. Read it again."), status=409
        )
    elif isinstance(error, OperationalError):
        log.warning("database trouble behind the API: %s", type(error).__name__)
        answer = Response(error_body("busy", "The database is busy. Try again in a moment."), status=503)
    elif isinstance(error, RecursionError):
        answer = Response(error_body("bad_json", TOO_DEEP), status=400)
    elif isinstance(error, SuspiciousOperation):
        answer = Response(error_body("bad_request", str(error)), status=400)
    else:
        answer = _by_framework(error, context)
    set_rollback()
    return answer


def _invalid(error: DjangoValidationError | exceptions.ValidationError) -> Response:
    fields = fields_of(error)
    words = "; ".join(
        f"{name}: {' '.join(texts)}" if name != GENERAL else " ".join(texts) for name, texts in fields.items()
    )
    return Response(error_body("invalid", words or "The values are not allowed.", fields), status=400)


def fields_of(error: DjangoValidationError | exceptions.ValidationError) -> Fields:
    """Messages by field; those about no single field stand under 'general'."""
    if isinstance(error, exceptions.ValidationError):
        return _flat(error.detail)
    if hasattr(error, "error_dict"):
        return {GENERAL if name == "__all__" else name: texts for name, texts in error.message_dict.items()}
    return {GENERAL: list(error.messages)}


def _flat(detail: Any, prefix: str = "") -> Fields:
    if isinstance(detail, dict):
        found: Fields = {}
        for name, inner in detail.items():
            key = GENERAL if name == "non_field_errors" and not prefix else f"{prefix}{name}"
            found.update(_flat(inner, key if key == GENERAL else f"{key}."))
        return found
    texts = [str(item) for item in detail] if isinstance(detail, list) else [str(detail)]
    return {prefix.rstrip(".") or GENERAL: texts}


def _exchange(error: ExchangeError) -> Response:
    code = status.HTTP_400_BAD_REQUEST if isinstance(error, ExchangeRefused) else status.HTTP_503_SERVICE_UNAVAILABLE
    answer = Response(error_body(error.code, str(error)), status=code)
    if error.retry_after_s:
        answer["Retry-After"] = str(int(error.retry_after_s) + 1)
    return answer


def _by_framework(error: Exception, context: dict[str, Any]) -> Response:
    answer = drf_exception_handler(error, context)
    if answer is None:
        log.error("unexpected error behind %s", _path(context), exc_info=error)
        return Response(error_body("server_error", SERVER_ERROR), status=500)
    if isinstance(error, exceptions.AuthenticationFailed | exceptions.NotAuthenticated):
        answer.status_code = 401  # DRF says 403 where a view has no authenticator of its own, as login
    code, message = _words(error)
    answer.data = error_body(code, message)
    return answer


def _path(context: dict[str, Any]) -> str:
    request = context.get("request")
    return str(getattr(request, "path", "?"))


def _words(error: Exception) -> tuple[str, str]:
    if isinstance(error, Http404 | exceptions.NotFound):
        return "not_found", NOT_FOUND
    if isinstance(error, exceptions.NotAuthenticated):
        return "not_authenticated", "Log in at /api/auth/login and send the header 'Authorization: Token ...'."
    if isinstance(error, exceptions.AuthenticationFailed):
        return "authentication_failed", f"{_text(error)} Log in again at /api/auth/login."
    if isinstance(error, exceptions.PermissionDenied):
        return "permission_denied", _text(error)
    if isinstance(error, DjangoPermissionDenied):
        return "permission_denied", str(error) or "This is not yours."
    if isinstance(error, exceptions.Throttled):
        return "throttled", f"Too many requests. Wait {int(getattr(error, 'wait', None) or 60)} s, then try again."
    if isinstance(error, exceptions.ParseError):
        return "bad_json", f"The body is not valid JSON ({_text(error)})."
    if isinstance(error, exceptions.UnsupportedMediaType):
        return "unsupported_media_type", "Send JSON with the header 'Content-Type: application/json'."
    if isinstance(error, exceptions.MethodNotAllowed):
        return "method_not_allowed", f"{_text(error)} The map of the API is at /api/docs."
    if isinstance(error, exceptions.NotAcceptable):
        return "not_acceptable", "The API answers in JSON: send 'Accept: application/json', or no such header."
    return str(getattr(error, "default_code", "error")), _text(error)


def _text(error: Exception) -> str:
    return str(getattr(error, "detail", error))


@csrf_exempt  # there is nothing to forge: the answer is the same with and without a session
def nowhere(request: HttpRequest, rest: str = "") -> JsonResponse:
    """The answer for every address under /api/ that is none, whatever the method."""
    return JsonResponse(error_body("not_found", NOT_FOUND), status=404)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400: JSON under /api/, the page elsewhere."""
    if not under_api(request):
        return defaults.bad_request(request, exception)
    return JsonResponse(error_body("bad_request", "The request is malformed."), status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500, for what fails outside of the API's own views (Django has logged it)."""
    if not under_api(request):
        return defaults.server_error(request)
    return JsonResponse(error_body("server_error", SERVER_ERROR), status=500)


def under_api(request: HttpRequest) -> bool:
    """Whether a program asks, which wants JSON."""
    return request.path == "/api" or request.path.startswith("/api/")
