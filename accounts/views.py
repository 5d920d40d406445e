"""Login, logout and sign-up in the browser."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.views import LoginView as DjangoLoginView
from django.contrib.auth.views import LogoutView as DjangoLogoutView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.forms import LoginForm, SignupForm
from accounts.models import User
from accounts.services.users import user_create

SIGNUP_BACKEND = "django.contrib.auth.backends.ModelBackend"


class LoginView(DjangoLoginView):
    """Email and password; django-axes counts failures and locks out (see `accounts.lockout`)."""

    template_name = "accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """`signup_open` says whether to offer a sign-up link."""
        return super().get_context_data(signup_open=settings.XRAY_SIGNUP, **kwargs)


class LogoutView(DjangoLogoutView):
    """The end of a session, by the page's button only."""

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        """Who opens the address by hand stays logged in, and is told."""
        messages.info(request, "You are still logged in: to log out, press the button at the top of the page.")
        return redirect(settings.LOGIN_REDIRECT_URL)


def signup(request: HttpRequest) -> HttpResponse:
    """A new trader, logged in at once. Where sign-up is off the page says so (403)."""
    if not settings.XRAY_SIGNUP:
        return render(request, "accounts/signup.html", {"signup_open": False, "form": None}, status=403)
    if request.user.is_authenticated:
        return redirect(settings.LOGIN_REDIRECT_URL)
    form = SignupForm(request.POST or None)
    user = _created(form) if request.method == "POST" and form.is_valid() else None
    if user is None:
        return render(request, "accounts/signup.html", {"signup_open": True, "form": form}, status=200)
    login(request, user, backend=SIGNUP_BACKEND)
    return redirect(settings.LOGIN_REDIRECT_URL)


def _created(form: SignupForm) -> User | None:
    try:
        return user_create(role=User.Role.TRADER, **form.cleaned_data)
    except ValidationError as error:
        for field, messages in error.message_dict.items():
            form.add_error(field if field in form.fields else None, messages)
        return None
