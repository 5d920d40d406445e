"""Every address of the API, to be included at `/api/`. A trailing slash is accepted everywhere."""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import include, path, re_path, resolve
from django.urls.exceptions import Resolver404
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.generators import SchemaGenerator
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


class IndexOutput(serializers.Serializer):  # type: ignore[type-arg]
    """Where to begin, and every endpoint with what it does."""

    docs = serializers.CharField(help_text="A page that describes every endpoint and tries it out.")
    schema = serializers.CharField(help_text="The same for programs: OpenAPI 3.")
    login = serializers.CharField(help_text="How to get a token.")
    endpoints = serializers.DictField(child=serializers.CharField(), help_text="'GET /api/orders': what it does.")


class IndexView(APIView):
    """The map of the API for a newcomer; it needs no token."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses={200: IndexOutput}, auth=[], tags=["docs"])
    def get(self, request: Request) -> Response:
        """Every endpoint with one sentence about it."""
        words = "POST /api/auth/login with email and password; send 'Authorization: Token <token>' from then on."
        return Response({"docs": "/api/docs", "schema": "/api/schema", "login": words, "endpoints": _endpoints()})


@cache
def _endpoints() -> dict[str, str]:
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]  # type: ignore[no-untyped-call]
    return {
        f"{method.upper()} {path}": operation.get("summary", "")
        for path, operations in paths.items()
        for method, operation in operations.items()
    }


class DocsView(SpectacularSwaggerView):
    """The page about the API. What it refuses is told in JSON, as everywhere under /api/."""

    def handle_exception(self, exc: Exception) -> Any:
        """The page's own renderer knows no errors."""
        answer = super().handle_exception(exc)
        return JsonResponse(answer.data, status=answer.status_code)


class HealthOutput(serializers.Serializer):  # type: ignore[type-arg]
    """`ok`, `degraded` (a part is stale) or `down`; ages in seconds."""

    status = serializers.ChoiceField(choices=["ok", "degraded", "down"])
    time = serializers.DateTimeField()
    database = serializers.BooleanField()
    redis = serializers.BooleanField(allow_null=True, help_text="null: none is configured.")
    exchanges = serializers.ListField(child=serializers.DictField(), required=False)
    last_scan = serializers.DictField(required=False, allow_null=True)
    pending_intents = serializers.IntegerField(required=False)
    tasks_off = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="Periodic tasks of the platform that were switched off.",
    )


class HealthView(APIView):
    """Whether the platform works."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses={200: HealthOutput, 503: HealthOutput}, auth=[], tags=["health"])
    def get(self, request: Request) -> Response:
        """The state of every part; 503 when the database (or the configured Redis) does not answer."""
        report = health_report()
        down = report["status"] == "down" or report.get("redis") is False
        return Response(_in_utc(report), status=503 if down else 200)


def _in_utc(report: dict[str, Any]) -> dict[str, Any]:
    """Moments as everywhere in the API: 2026-01-31T00:00:00Z."""
    parts = {name: _in_utc(part) for name, part in report.items() if isinstance(part, dict)}
    texts = {name: part.removesuffix("+00:00") + "Z" for name, part in report.items() if str(part).endswith("+00:00")}
    return {**report, **parts, **texts}


@csrf_exempt
def bare(request: HttpRequest) -> HttpResponseBase:
    """`/api` is `/api/`, for every method."""
    return IndexView.as_view()(request)


@csrf_exempt  # as DRF's views are: their authentication checks it
def slashed(request: HttpRequest, rest: str) -> HttpResponseBase:
    """The same address without its trailing slash."""
    try:
        match = resolve(request.path_info[:-1] if not rest.endswith("/") else "")
    except Resolver404:
        return nowhere(request)
    view: Any = match.func
    answer: HttpResponseBase = view(request, *match.args, **match.kwargs)
    return answer


urlpatterns = [
    path("", IndexView.as_view(), name="api-index"),
    path("health", HealthView.as_view(), name="api-health"),
    path(
        "schema",
        SpectacularAPIView.as_view(renderer_classes=[JSONRenderer], permission_classes=[AllowAny]),
        name="api-schema",
    ),
    path("docs", DocsView.as_view(url_name="api-schema", permission_classes=[AllowAny]), name="api-docs"),
    path("", include("accounts.api.urls")),
    path("", include("signals.api.urls")),
    path("", include("mlmodels.api.urls")),
    path("", include("trading.api.urls")),
    re_path(r"^(?P<rest>.+)/$", slashed),
    re_path(r"^(?P<rest>(?s:.*))$", nowhere),  # whatever it is, line breaks too
]
