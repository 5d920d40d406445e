"""Who may open stored keys: processes that sign requests to exchanges, and never while a page or the API is served.

`xray_site.asgi` closes the web process (`opening_forbid`) and every request (`Serving`). The one-process demo also
signs, so there only the requests stay closed (`opening_allow`).
"""

import resource
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

_forbidden = ""
_serving: ContextVar[bool] = ContextVar("serving_a_request", default=False)
Application = Callable[[Any, Any, Any], Awaitable[None]]


class OpeningForbidden(Exception):
    """Keys were to be opened where nothing is signed: a mistake in the code, not in a setting."""


def opening_forbid(who: str) -> None:
    """Nothing is opened in this process from now on; `who` it is, in words for the error."""
    global _forbidden
    _forbidden = who


def opening_allow() -> None:
    """This process signs after all; requests that it serves still open nothing."""
    opening_forbid("")


def opening_check() -> None:
    """Raise OpeningForbidden in a web process and inside a request; what opens keys leaves no core file."""
    if _forbidden or _serving.get():
        raise OpeningForbidden(f"Keys are opened only where requests are signed, not in {_forbidden or 'a request'}.")
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


class Serving:
    """An ASGI application in which nothing is opened, whichever thread or task serves it."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request or socket."""
        _serving.set(True)
        await self.application(scope, receive, send)
