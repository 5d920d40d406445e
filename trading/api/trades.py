"""Orders, fills, positions, trades, intents, statistics and equity; manual entries, cancels and closes."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.pagination import cursor_on
from accounts.api.scope import OwnRows, ip_of, user_of
from trading.api import filters, outputs
from trading.api.bots import BOTS
from trading.api.inputs import ChangeInput, EntryInput, PartInput
from trading.api.once import KEY, answer_once
from trading.models import Balance, BalanceSnapshot, Fill, Intent, Order, Position, Trade, TradingStats
from trading.selectors.positions import what_rests
from trading.services import by_hand
from trading.services import intents as services


class _Read(OwnRows, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Any]):
    """Lists and single rows by public id, limited to the user's own."""

    owner = "bot__user"
    lookup_field = "public_id"
    lookup_value_converter = "uuid"


@extend_schema(tags=["trading"])
class IntentViews(_Read):
    """What bots decided or were asked to do: the execution queue and its history."""

    queryset = Intent.objects.select_related("bot", "account", "instrument", "signal", "position")
    serializer_class = outputs.IntentOutput
    filterset_class = filters.IntentFilters


@extend_schema(tags=["trading"])
class OrderViews(_Read):
    """The user's orders."""

    queryset = Order.objects.select_related("bot", "account", "instrument", "intent", "position")
    serializer_class = outputs.OrderOutput
    filterset_class = filters.OrderFilters

    @extend_schema(request=EntryInput, parameters=[KEY], responses={202: outputs.IntentOutput})
    def create(self, request: Request) -> Response:
        """Queue a manual entry of a running bot. The answer is the intent: watch it at /api/intents/:id."""
        given = EntryInput(data=request.data)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        bot = BOTS.filter(user=user_of(request), public_id=values.pop("bot")).first()
        if bot is None:
            raise ValidationError({"bot": ["Choose one of your own bots: give its public id."]})
        values |= {"bot": bot, "actor": user_of(request), "ip": ip_of(request)}
        return answer_once(request, lambda: services.entry_request(**values))

    @extend_schema(request=ChangeInput, parameters=[KEY], responses={202: outputs.IntentOutput})
    @action(detail=True, methods=["post"])
    def change(self, request: Request, public_id: Any = None) -> Response:
        """Queue another price or amount of a limit order that waits to buy.

        The old order is cancelled first; what it filled until then counts towards the new amount.
        """
        given = ChangeInput(data=request.data)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        values |= {"order": self.get_object(), "actor": user_of(request), "ip": ip_of(request)}
        return answer_once(request, lambda: by_hand.order_replace_request(**values))

    @extend_schema(request=None, responses={202: outputs.OrderOutput})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, public_id: Any = None) -> Response:
        """Queue the cancel of an open order; fills may still arrive until the exchange confirms it."""
        order = self.get_object()
        if not services.orders_cancel_request(orders=[order], actor=user_of(request), ip=ip_of(request)):
            order.refresh_from_db()
            raise ValidationError({"order": [f"This order is {order.status}; there is nothing to cancel."]})
        return Response(outputs.OrderOutput(self.get_object()).data, status=202)


@extend_schema(tags=["trading"])
class FillViews(_Read):
    """Every execution of the user's orders."""

    owner = "account__user"
    queryset = Fill.objects.select_related("order__bot", "account", "instrument")
    serializer_class = outputs.FillOutput
    filterset_class = filters.FillFilters


@extend_schema(tags=["trading"])
class PositionViews(_Read):
    """Positions, open and closed; ?status=open&status=closing for those that are held."""

    queryset = Position.objects.select_related("bot__user", "account", "instrument", "signal").annotate(**what_rests())
    serializer_class = outputs.PositionOutput
    filterset_class = filters.PositionFilters
    pagination_class = cursor_on("opened_at")

    @extend_schema(request=None, parameters=[KEY], responses={202: outputs.IntentOutput})
    @action(detail=True, methods=["post"])
    def close(self, request: Request, public_id: Any = None) -> Response:
        """Queue the sale of everything the position holds."""
        values = {"position": self.get_object(), "actor": user_of(request), "ip": ip_of(request)}
        return answer_once(request, lambda: services.position_close_request(**values))

    @extend_schema(request=PartInput, parameters=[KEY], responses={202: outputs.IntentOutput})
    @action(detail=True, methods=["post"])
    def reduce(self, request: Request, public_id: Any = None) -> Response:
        """Queue the sale of a part of what the position holds, at market."""
        given = PartInput(data=request.data)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        values |= {"position": self.get_object(), "actor": user_of(request), "ip": ip_of(request)}
        return answer_once(request, lambda: by_hand.position_reduce_request(**values))


@extend_schema(tags=["trading"])
class TradeViews(_Read):
    """The trade pool: closed positions, newest close first."""

    queryset = Trade.objects.filter(status=Position.Status.CLOSED).select_related(
        "bot", "account", "instrument", "signal"
    )
    serializer_class = outputs.PositionOutput
    filterset_class = filters.TradeFilters
    pagination_class = cursor_on("closed_at")


@extend_schema(tags=["statistics"])
class StatsViews(OwnRows, mixins.ListModelMixin, viewsets.GenericViewSet[TradingStats]):
    """Daily statistics of each bot (UTC days)."""

    owner = "bot__user"
    queryset = TradingStats.objects.select_related("bot")
    serializer_class = outputs.StatsOutput
    filterset_class = filters.StatsFilters
    pagination_class = cursor_on("day")


@extend_schema(tags=["statistics"])
class EquityViews(OwnRows, mixins.ListModelMixin, viewsets.GenericViewSet[BalanceSnapshot]):
    """The value of each account over time, newest first."""

    owner = "account__user"
    queryset = BalanceSnapshot.objects.select_related("account")
    serializer_class = outputs.EquityOutput
    filterset_class = filters.EquityFilters
    pagination_class = cursor_on("at")


@extend_schema(tags=["statistics"])
class BalanceViews(OwnRows, mixins.ListModelMixin, viewsets.GenericViewSet[Balance]):
    """Balances of each account by currency, from the ledger."""

    owner = "account__user"
    queryset = Balance.objects.select_related("account")
    serializer_class = outputs.BalanceOutput
    filterset_class = filters.BalanceFilters
    pagination_class = cursor_on("updated_at")
