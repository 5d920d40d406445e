"""URL map of the whole site."""

from django.contrib import admin
from django.urls import path

from xray_site.health import healthz

urlpatterns = [
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
]
