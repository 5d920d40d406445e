"""Signals, strategies and instruments to read: the market is computed once, for everyone."""

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets

from accounts.api.fields import PublicSerializer
from accounts.api.filters import MomentFilterSet, UpperCharFilter
from accounts.api.pagination import cursor_on
from accounts.models import EXCHANGES
from signals.models import SIDES, Instrument, Signal, Strategy


class SignalOutput(PublicSerializer):
    """What one strategy version says of one instrument at one closed candle."""

    symbol = serializers.CharField(source="instrument.symbol")
    exchange = serializers.ChoiceField(choices=EXCHANGES, source="instrument.exchange")
    instrument = serializers.UUIDField(source="instrument.public_id")
    strategy = serializers.UUIDField(source="strategy.public_id")
    strategy_name = serializers.CharField(source="strategy.name")
    inputs = serializers.JSONField(help_text="Indicator values the decision was made from.")

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
            "inputs",
            "backend",
            "created_at",
        )
        read_only_fields = fields


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
            "selected",
            "selection_reason",
            "volume_quote_24h",
            "spread",
            "updated_at",
        )
        read_only_fields = fields


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
