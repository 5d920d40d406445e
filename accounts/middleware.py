"""Secrets that are typed in are masked in whatever is written while their request is served."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from accounts.scrub import secrets_remember_here

_NAMED = re.compile(r"(?i)password|secret|api_?key|passphrase|^token$")


class TypedSecrets:
    """Tells `accounts.scrub` of keys and passwords in a form or a JSON body, for this request only."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve one request."""
        secrets_remember_here(_typed(request))
        return self.get_response(request)


def _typed(request: HttpRequest) -> list[str]:
    if request.method not in ("POST", "PUT", "PATCH"):
        return []
    if request.content_type == "application/json":
        return list(_named(_json(request)))
    return [str(value) for name, values in request.POST.lists() if _NAMED.search(name) for value in values]


def _json(request: HttpRequest) -> Any:
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        return None


def _named(body: Any) -> Iterator[str]:
    items = body.items() if isinstance(body, dict) else ()
    for name, value in items:
        if isinstance(value, str) and _NAMED.search(name):
            yield value
            yield value.strip()
