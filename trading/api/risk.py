"""Limits of accounts, and what risk rules have refused and held back."""

from typing import Any

import django_filters
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import StrictSerializer
from accounts.api.filters import MomentFilterSet
from accounts.api.scope import NoIntegrationWrites, OwnRows, body_of, ip_of, user_of
from accounts.models import ExchangeAccount
from trading.api.outputs_risk import LimitsOutput, RiskEventOutput
from trading.models import OnBreach, RiskEvent
from trading.services.limits import ACCOUNT_DECIMALS, ORDERS, account_limits_of, account_limits_set, losses_count_anew

ACCOUNTS = ExchangeAccount.objects.exclude(status=ExchangeAccount.Status.REMOVED)


def _decimal(name: str, what: str) -> serializers.CharField:
    return serializers.CharField(required=False, help_text=f"{what} {ACCOUNT_DECIMALS[name].words} A decimal as text.")


class LimitsInput(StrictSerializer):
    """A change of an account's limits; fields left out keep their values."""

    coin_exposure = _decimal("coin_exposure", "Of equity in one coin, over all bots.")
    group_exposure = _decimal("group_exposure", "Of equity in coins that move together.")
    daily_loss = _decimal("daily_loss", "All bots stop until 00:00 UTC when they lost as much together.")
    on_breach = serializers.ChoiceField(
        choices=OnBreach.choices, required=False, help_text="What the day's loss does to the bots."
    )
    orders_per_minute = serializers.IntegerField(
        required=False,
        min_value=int(ORDERS.low),
        max_value=int(ORDERS.high),
        help_text=ORDERS.words,
    )


@extend_schema(tags=["accounts"])
class LimitsView(OwnRows, GenericAPIView[ExchangeAccount]):
    """Limits over all bots of one account."""

    queryset = ACCOUNTS
    serializer_class = LimitsOutput
    permission_classes = (*GenericAPIView.permission_classes, NoIntegrationWrites)
    lookup_field = "public_id"

    @extend_schema(responses={200: LimitsOutput})
    def get(self, request: Request, public_id: Any) -> Response:
        """The limits in force."""
        return Response(LimitsOutput(account_limits_of(self.get_object())).data)

    @extend_schema(request=LimitsInput, responses={200: LimitsOutput})
    def patch(self, request: Request, public_id: Any) -> Response:
        """Change some limits; in force from the account's next turn."""
        row = account_limits_set(
            account=self.get_object(), data=body_of(request), actor=user_of(request), ip=ip_of(request)
        )
        return Response(LimitsOutput(row).data)


@extend_schema(tags=["accounts"])
class CountAnewView(OwnRows, GenericAPIView[ExchangeAccount]):
    """Peak and losses, counted anew."""

    queryset = ACCOUNTS
    serializer_class = LimitsOutput
    permission_classes = (*GenericAPIView.permission_classes, NoIntegrationWrites)
    lookup_field = "public_id"

    @extend_schema(request=None, responses={200: LimitsOutput})
    def post(self, request: Request, public_id: Any) -> Response:
        """Forget the peak, the day's losses and every pause: the account may lose as much again from here on."""
        account = get_object_or_404(self.get_queryset(), public_id=public_id)
        row = losses_count_anew(account=account, actor=user_of(request), ip=ip_of(request))
        return Response(LimitsOutput(row).data)


class RiskEventFilters(MomentFilterSet):
    """By bot, account, rule and level."""

    bot = django_filters.UUIDFilter(field_name="bot__public_id")
    account = django_filters.UUIDFilter(field_name="bot__account__public_id")
    rule = django_filters.CharFilter()
    level = django_filters.NumberFilter()

    class Meta:
        model = RiskEvent
        fields = ("bot", "account", "rule", "level")


@extend_schema(tags=["trading"])
class RiskEventViews(OwnRows, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[RiskEvent]):
    """Entries that risk rules refused, and limits that were reached, newest first, with the numbers they saw."""

    owner = "bot__user"
    queryset = RiskEvent.objects.select_related("bot", "intent")
    serializer_class = RiskEventOutput
    filterset_class = RiskEventFilters
    lookup_field = "public_id"
    lookup_value_converter = "uuid"
