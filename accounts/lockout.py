"""What somebody sees who failed to log in too often."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

STATUS = 429


def lockout_response(request: HttpRequest, _original: Any = None, _credentials: Any = None) -> HttpResponse:
    """The API's error shape under /api/, the login page with a message elsewhere."""
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    minutes = seconds // 60
    words = f"Too many failed logins. Wait {minutes} minutes, then try again."
    if request.path.startswith("/api/"):
        body = {"error": {"code": "locked_out", "message": words, "fields": {}}}
        return JsonResponse(body, status=STATUS, headers={"Retry-After": str(seconds)})
    from accounts.forms import LoginForm

    context = {"form": LoginForm(request), "locked_out": words, "signup_open": settings.XRAY_SIGNUP}
    return render(request, "accounts/login.html", context, status=STATUS)
