"""Signals, strategies and instruments to read: the market is computed once, for everyone."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import django_filters
from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import ExactDecimal, PublicSerializer, StrictSerializer
from accounts.api.filters import MomentFilterSet, UpperCharFilter
from accounts.api.pagination import cursor_on
from accounts.fields import decimal_text
from accounts.models import EXCHANGES
from signals import quotes
from signals.candles.cache import history_cached
from signals.candles.matrix import CandleTable
from signals.models import SIDES, Instrument, Signal, Strategy
from signals.services.explain import signal_explain


class SignalOutput(PublicSerializer):
    """What one strategy version says of one instrument at one closed candle."""

    symbol = serializers.CharField(source="instrument.symbol")
    exchange = serializers.ChoiceField(choices=EXCHANGES, source="instrument.exchange")
    instrument = serializers.UUIDField(source="instrument.public_id")
    strategy = serializers.UUIDField(source="strategy.public_id")
    strategy_name = serializers.CharField(source="strategy.name")
    inputs = serializers.JSONField(help_text="Indicator values the decision was made from.")
    votes = serializers.JSONField(help_text="Of an aggregate: who said what, with which weight.")
    provenance = serializers.JSONField(help_text="Hash, number and revision of its candles, anchor, parameters.")

    class Meta:
        model = Signal
        fields = (
            "id",
            "exchange",
            "symbol",
            "instrument",
            "timeframe",
            "strategy",
            "strategy_name",
            "candle_open_time",
            "side",
            "confidence",
            "reason",
            "close",
            "threshold",
            "votes",
            "inputs",
            "provenance",
            "backend",
            "created_at",
        )
        read_only_fields = fields


class ExplanationOutput(serializers.Serializer):  # type: ignore[type-arg]
    """A signal as it was stored and as it comes out now."""

    same = serializers.BooleanField(help_text="Bit for bit.")
    verdict = serializers.CharField(help_text="In words.")
    differences = serializers.ListField(child=serializers.CharField(), help_text="What differs, and why if known.")
    signal = serializers.JSONField(help_text="What it is, with parameters, threshold and backend.")
    candles = serializers.JSONField(help_text="Hash, number and revision of its candles, then and now.")
    stored = serializers.JSONField(help_text="Side, confidence and inputs as stored.")
    again = serializers.JSONField(help_text="The same as it comes out now.")
    values = serializers.JSONField(help_text="Indicators at its candle.")
    votes = serializers.JSONField(help_text="Of an aggregate: who said what, with which weight.")


class SignalFilters(MomentFilterSet):
    """By instrument, side, strategy, candle and confidence."""

    symbol = UpperCharFilter(field_name="instrument__symbol")
    exchange = django_filters.ChoiceFilter(choices=EXCHANGES, field_name="instrument__exchange")
    timeframe = django_filters.CharFilter()
    side = django_filters.ChoiceFilter(choices=SIDES)
    strategy = django_filters.UUIDFilter(field_name="strategy__public_id")
    min_confidence = django_filters.NumberFilter(field_name="confidence", lookup_expr="gte", min_value=0, max_value=1)

    class Meta:
        model = Signal
        fields = ("symbol", "exchange", "timeframe", "side", "strategy")


@extend_schema(tags=["signals"])
class SignalViews(viewsets.ReadOnlyModelViewSet[Signal]):
    """Signals of every scan, newest first."""

    queryset = Signal.objects.select_related("instrument", "strategy")
    serializer_class = SignalOutput
    filterset_class = SignalFilters
    lookup_field = "public_id"
    lookup_value_converter = "uuid"

    @extend_schema(responses={200: ExplanationOutput}, filters=False)
    @action(detail=True, pagination_class=None, filter_backends=())
    def explain(self, request: Request, public_id: Any = None) -> Response:
        """The signal made again from the stored candles, and every difference in words."""
        return Response(ExplanationOutput(signal_explain(signal=self.get_object()).as_json()).data)


class StrategyOutput(PublicSerializer):
    """One immutable version of a strategy."""

    parameters = serializers.JSONField()

    class Meta:
        model = Strategy
        fields = ("id", "name", "kind", "parameters", "version", "enabled", "created_at")
        read_only_fields = fields


class StrategyFilters(MomentFilterSet):
    """By kind, name and whether it is scanned."""

    class Meta:
        model = Strategy
        fields = ("kind", "name", "enabled")


@extend_schema(tags=["signals"])
class StrategyViews(viewsets.ReadOnlyModelViewSet[Strategy]):
    """Every version of every strategy, newest first."""

    queryset = Strategy.objects.all()
    serializer_class = StrategyOutput
    filterset_class = StrategyFilters
    lookup_field = "public_id"
    lookup_value_converter = "uuid"


class InstrumentOutput(PublicSerializer):
    """A tradable pair with the limits that orders must respect."""

    class Meta:
        model = Instrument
        fields = (
            "id",
            "exchange",
            "symbol",
            "base",
            "quote",
            "tick_size",
            "lot_size",
            "min_amount",
            "max_amount",
            "min_notional",
            "maker_fee",
            "taker_fee",
            "active",
            "state",
            "listed_at",
            "delist_at",
            "selected",
            "selection_reason",
            "volume_quote_24h",
            "spread",
            "updated_at",
        )
        read_only_fields = fields


class CandleOutput(serializers.Serializer):  # type: ignore[type-arg]
    """One closed candle."""

    open_time = serializers.DateTimeField(help_text="When it began, UTC.")
    open = serializers.CharField(help_text="First price, a decimal as text.")
    high = serializers.CharField(help_text="Highest price.")
    low = serializers.CharField(help_text="Lowest price.")
    close = serializers.CharField(help_text="Last price.")
    volume = serializers.CharField(help_text="Traded, base currency.")


class CandleInput(StrictSerializer):
    """Which candles."""

    timeframe = serializers.CharField(max_length=8, required=False, help_text="Such as 1m; default: the first scanned.")
    since = serializers.DateTimeField(required=False, help_text="ISO 8601, inclusive.")
    until = serializers.DateTimeField(required=False, help_text="ISO 8601, exclusive.")
    limit = serializers.IntegerField(
        min_value=1, max_value=1000, default=500, help_text="The newest so many, 1 to 1000."
    )

    def validate_timeframe(self, value: str) -> str:
        """Only those that are scanned are kept."""
        if value not in settings.XRAY_TIMEFRAMES:
            raise serializers.ValidationError(f"One of: {', '.join(settings.XRAY_TIMEFRAMES)}.")
        return value


class QuoteOutput(serializers.Serializer):  # type: ignore[type-arg]
    """Best bid and ask, and when they were seen."""

    symbol = serializers.CharField()
    bid = ExactDecimal(help_text="Best price of a buyer.")
    ask = ExactDecimal(help_text="Best price of a seller.")
    bid_size = ExactDecimal(help_text="Base currency.")
    ask_size = ExactDecimal(help_text="Base currency.")
    at = serializers.DateTimeField(help_text="When it was seen, UTC.")


class InstrumentFilters(MomentFilterSet):
    """By exchange, symbol and whether it is scanned."""

    moment = "updated_at"
    symbol = UpperCharFilter()
    exchange = django_filters.ChoiceFilter(choices=EXCHANGES)

    class Meta:
        model = Instrument
        fields = ("exchange", "symbol", "quote", "active", "selected")


@extend_schema(tags=["signals"])
class InstrumentViews(viewsets.ReadOnlyModelViewSet[Instrument]):
    """The instruments of every exchange that is scanned."""

    queryset = Instrument.objects.all()
    serializer_class = InstrumentOutput
    filterset_class = InstrumentFilters
    pagination_class = cursor_on("updated_at")
    lookup_field = "public_id"
    lookup_value_converter = "uuid"

    @extend_schema(parameters=[CandleInput], responses={200: CandleOutput(many=True)}, filters=False)
    @action(detail=True, pagination_class=None, filter_backends=())
    def candles(self, request: Request, public_id: Any = None) -> Response:
        """Closed candles, oldest first: what the chart shows."""
        given = CandleInput(data=request.query_params.dict())
        given.is_valid(raise_exception=True)
        row, wanted = self.get_object(), given.validated_data
        table = history_cached(
            exchange=row.exchange,
            symbol=row.symbol,
            timeframe=wanted.get("timeframe", settings.XRAY_TIMEFRAMES[0]),
            since_ms=_ms(wanted.get("since")),
            until_ms=_ms(wanted.get("until")),
            limit=wanted["limit"],
        )
        return Response(CandleOutput(_candles(table), many=True).data)

    @extend_schema(responses={200: QuoteOutput}, filters=False)
    @action(detail=True, pagination_class=None, filter_backends=())
    def quote(self, request: Request, public_id: Any = None) -> Response:
        """The newest bid and ask; 404 before the first one."""
        row = self.get_object()
        found = quotes.latest(row.exchange, row.symbol)
        if found is None:
            raise NotFound
        return Response(QuoteOutput(found).data)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def _candles(table: CandleTable) -> list[dict[str, Any]]:
    names = ("open", "high", "low", "close", "volume")
    columns = [[decimal_text(Decimal(repr(value))) for value in getattr(table, name).tolist()] for name in names]
    times = [datetime.fromtimestamp(at / 1000, UTC) for at in table.open_time_ms.tolist()]
    return [
        {"open_time": at, **dict(zip(names, values, strict=True))} for at, *values in zip(times, *columns, strict=True)
    ]
