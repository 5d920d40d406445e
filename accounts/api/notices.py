"""Notices: what the platform told the user; mark as read."""

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import PublicSerializer
from accounts.api.filters import MomentFilterSet, TrueFalseFilter
from accounts.api.scope import OwnRows, user_of
from accounts.models import Notice
from accounts.services.notices import notices_mark_read


class NoticeOutput(PublicSerializer):
    """One message; `read_at` is null until it is read."""

    level = serializers.CharField(help_text="How urgent: ok, info, warn or bad.")

    class Meta:
        model = Notice
        fields = ("id", "level", "title", "text", "link", "created_at", "read_at")
        read_only_fields = fields


class ReadOutput(serializers.Serializer):  # type: ignore[type-arg]
    """How many notices became read."""

    marked = serializers.IntegerField()


class NoticeFilters(MomentFilterSet):
    """By level, and whether it waits to be read."""

    level = django_filters.ChoiceFilter(choices=Notice.Level.choices)
    unread = TrueFalseFilter(field_name="read_at", lookup_expr="isnull", help_text="true: those not read yet.")

    class Meta:
        model = Notice
        fields = ("level",)


@extend_schema(tags=["notices"])
class NoticeViews(OwnRows, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Notice]):
    """What the platform told the user, newest first."""

    queryset = Notice.objects.all()
    serializer_class = NoticeOutput
    filterset_class = NoticeFilters
    lookup_field = "public_id"
    lookup_value_converter = "uuid"

    @extend_schema(request=None, responses={200: NoticeOutput})
    @action(detail=True, methods=["post"])
    def read(self, request: Request, public_id: object = None) -> Response:
        """Mark one notice as read."""
        notice = self.get_object()
        notices_mark_read(user=user_of(request), notice=notice)
        notice.refresh_from_db()
        return Response(NoticeOutput(notice).data)

    @extend_schema(request=None, responses={200: ReadOutput}, operation_id="notices_read_all")
    @action(detail=False, methods=["post"], url_path="read", filter_backends=(), pagination_class=None)
    def read_all(self, request: Request) -> Response:
        """Mark all of the user's notices as read."""
        return Response({"marked": notices_mark_read(user=user_of(request))})
