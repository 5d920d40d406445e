"""Every address of the API, to be included at `/api/`. A trailing slash is accepted everywhere."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import include, path, re_path, resolve
from django.urls.exceptions import Resolver404
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.errors import nowhere
from xray_site.health import health_report


class HealthOutput(serializers.Serializer):  # type: ignore[type-arg]
    """`ok`, `degraded` (a part is stale) or `down`; ages in seconds."""

    status = serializers.ChoiceField(choices=["ok", "degraded", "down"])
    time = serializers.DateTimeField()
    database = serializers.BooleanField()
    redis = serializers.BooleanField(allow_null=True, help_text="null: none is configured.")
    exchanges = serializers.ListField(child=serializers.DictField(), required=False)
    last_scan = serializers.DictField(required=False, allow_null=True)
    pending_intents = serializers.IntegerField(required=False)


class HealthView(APIView):
    """Whether the platform works."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses={200: HealthOutput, 503: HealthOutput}, auth=[], tags=["health"])
    def get(self, request: Request) -> Response:
        """The state of every part; 503 when the database (or the configured Redis) does not answer."""
        report = health_report()
        down = report["status"] == "down" or report.get("redis") is False
        return Response(report, status=503 if down else 200)


def slashed(request: HttpRequest, rest: str) -> HttpResponseBase:
    """The same address without its trailing slash."""
    try:
        match = resolve(request.path_info.rstrip("/"))
    except Resolver404:
        return nowhere(request)
    view: Any = match.func
    answer: HttpResponseBase = view(request, *match.args, **match.kwargs)
    return answer


slashed.csrf_exempt = True  # type: ignore[attr-defined]  # as DRF's views are: their authentication checks it

urlpatterns = [
    path("health", HealthView.as_view(), name="api-health"),
    path(
        "schema",
        SpectacularAPIView.as_view(renderer_classes=[JSONRenderer], permission_classes=[AllowAny]),
        name="api-schema",
    ),
    path("docs", SpectacularSwaggerView.as_view(url_name="api-schema", permission_classes=[AllowAny]), name="api-docs"),
    path("", include("accounts.api.urls")),
    path("", include("signals.api.urls")),
    path("", include("mlmodels.api.urls")),
    path("", include("trading.api.urls")),
    re_path(r"^(?P<rest>.+)/$", slashed),
    re_path(r"^(?P<rest>.*)$", nowhere),
]
