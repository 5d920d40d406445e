"""Which methods a page takes. A wrong one is answered in words, never with an empty page."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

View = Callable[..., HttpResponse]
NOT_DONE = "Nothing was done: that address only works from the button of a page, such as this one."


def get_only(view: View) -> View:
    """A view to look at."""
    return _checked(view, ("GET", "HEAD"))


def get_or_post(view: View) -> View:
    """A form: shown and sent at one address."""
    return _checked(view, ("GET", "HEAD", "POST"))


def post_only(page: str, *names: str) -> Callable[[View], View]:
    """A view that does something. Who opens its address by hand (or after a login) gets to the page it belongs to.

    `names` are the view's arguments that the page's address takes too.
    """

    def decorate(view: View) -> View:
        checked = _checked(view, ("POST",))

        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            back = reverse(page, args=[kwargs[name] for name in names])
            if request.method not in ("GET", "HEAD"):
                request.page_path = back  # type: ignore[attr-defined]  # where the buttons of an answered page lead
                return checked(request, *args, **kwargs)
            messages.info(request, NOT_DONE)
            return redirect(back)

        return wrapped

    return decorate


def _checked(view: View, allowed: tuple[str, ...]) -> View:
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method in allowed:
            return view(request, *args, **kwargs)
        answer = render(request, "405.html", {"allowed": " or ".join(allowed)}, status=405)
        answer["Allow"] = ", ".join(allowed)
        return answer

    return wrapped
