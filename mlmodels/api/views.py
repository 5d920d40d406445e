"""The model registry to read: versions and their out-of-sample reports."""

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets

from accounts.api.fields import PublicSerializer
from accounts.api.filters import MomentFilterSet
from accounts.models import EXCHANGES
from mlmodels.models import ModelVersion


class ModelOutput(PublicSerializer):
    """One trained model, without its artifact."""

    strategy = serializers.UUIDField(source="strategy.public_id", default=None, allow_null=True)
    features = serializers.JSONField()
    parameters = serializers.JSONField()
    report = serializers.JSONField(help_text="Out-of-sample, walk-forward.")

    class Meta:
        model = ModelVersion
        fields = (
            "id",
            "name",
            "version",
            "kind",
            "exchange",
            "timeframe",
            "status",
            "status_reason",
            "strategy",
            "features",
            "parameters",
            "artifact_sha256",
            "threshold",
            "trained_from",
            "trained_to",
            "rows",
            "report",
            "created_at",
            "promoted_at",
        )
        read_only_fields = fields


class ModelFilters(MomentFilterSet):
    """By exchange, timeframe and place in the registry."""

    exchange = django_filters.ChoiceFilter(choices=EXCHANGES)
    status = django_filters.ChoiceFilter(choices=ModelVersion.Status.choices)

    class Meta:
        model = ModelVersion
        fields = ("exchange", "timeframe", "status", "kind", "name")


@extend_schema(tags=["models"])
class ModelViews(viewsets.ReadOnlyModelViewSet[ModelVersion]):
    """Every model version, newest first."""

    queryset = ModelVersion.objects.select_related("strategy").defer("artifact")
    serializer_class = ModelOutput
    filterset_class = ModelFilters
    lookup_field = "public_id"
    lookup_value_converter = "uuid"
