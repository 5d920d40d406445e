"""The API of accounts: addresses without a trailing slash (with one they work too, see `xray_site.api`)."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from accounts.api.auth import LoginView, LogoutView, MeView
from accounts.api.exchange_accounts import AccountViews
from accounts.api.notices import NoticeViews

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("exchange-accounts", AccountViews, basename="api-exchange-accounts")
router.register("notices", NoticeViews, basename="api-notices")

urlpatterns = [
    path("auth/login", LoginView.as_view(), name="api-login"),
    path("auth/logout", LogoutView.as_view(), name="api-logout"),
    path("auth/me", MeView.as_view(), name="api-me"),
    *router.urls,
]
