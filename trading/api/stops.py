"""The stop ladder: what is in force, setting one, lifting one."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.scope import user_of
from trading.api.inputs import StopInput
from trading.api.outputs import StopOutput
from trading.api.outputs_risk import StopReportOutput
from trading.models import StopSwitch
from trading.selectors.stop_report import stop_report
from trading.selectors.stops import stop_touches, stops_for_user
from trading.services import stops as services


@extend_schema(tags=["stops"])
class StopViews(viewsets.GenericViewSet[StopSwitch]):
    """Stops that touch the user: everybody's, and their own."""

    queryset = StopSwitch.objects.none()
    serializer_class = StopOutput
    pagination_class = None
    filter_backends = ()
    lookup_field = "public_id"
    lookup_value_converter = "uuid"

    @extend_schema(responses={200: StopOutput(many=True)})
    def list(self, request: Request) -> Response:
        """Every stop in force that touches the user."""
        rows = stops_for_user(user_of(request))
        return Response(StopOutput(rows, many=True, context={"request": request}).data)

    @extend_schema(request=StopInput, responses={201: StopOutput})
    def create(self, request: Request) -> Response:
        """Put a stop in force; it replaces one of the same scope and target. Without a target: the user's own.

        One of the same level is answered with the stop that is in force already.
        """
        given = StopInput(data=request.data)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        if values["scope"] == StopSwitch.Scope.USER and not values["target"]:
            values["target"] = str(user_of(request).public_id)
        switch = services.stop_set(actor=user_of(request), **values)
        return Response(StopOutput(switch, context={"request": request}).data, status=201)

    @extend_schema(responses={200: StopReportOutput})
    @action(detail=True, methods=["get"])
    def report(self, request: Request, public_id: Any = None) -> Response:
        """What a stop (in force or lifted) has cancelled and closed on the user's accounts, and what is left."""
        switch = StopSwitch.objects.filter(public_id=public_id).first()
        if switch is None or not stop_touches(switch, user_of(request)):
            raise NotFound
        return Response(StopReportOutput(stop_report(switch, user_of(request))).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, public_id: Any = None) -> Response:
        """Lift a stop of the user's own (staff: any)."""
        switch, user = StopSwitch.objects.filter(public_id=public_id, cleared_at=None).first(), user_of(request)
        if switch is None or not (user.is_staff or stop_touches(switch, user)):
            raise NotFound
        services.stop_clear(switch=switch, actor=user_of(request))
        return Response(status=204)
