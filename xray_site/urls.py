"""URL map of the whole site."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from xray_site.api import bare
from xray_site.dashboard import platform_stop
from xray_site.health import healthz

admin.site.site_header = admin.site.site_title = "Market X-Ray"

handler400 = "accounts.api.errors.bad_request"
handler500 = "accounts.api.errors.server_error"

urlpatterns = [
    path("admin/platform-stop/", admin.site.admin_view(platform_stop), name="admin_platform_stop"),
    path("admin/", admin.site.urls),
    path("api", bare),
    path("api/", include("xray_site.api")),
    path("healthz", healthz, name="healthz"),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}img/favicon.svg")),
    path("", include("accounts.urls")),
    path("", include("trading.urls")),
]
