"""The X-ray to read: the latest state of every scanned symbol, and the history of one."""

from datetime import UTC, datetime
from typing import Any, ClassVar

import django_filters
from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.fields import PublicSerializer, StrictSerializer
from accounts.api.filters import MomentFilterSet, UpperCharFilter
from accounts.api.pagination import CreatedCursorPagination
from accounts.models import EXCHANGES
from signals.models import Instrument, Regime, SymbolXray
from signals.xray_history import SCORES, history_read

ORDERED_BY = ("potential", "trend", "momentum", "volatility", "volume", "liquidity", "strength")
ORDERS = [(sign + name, f"{name}, {words}") for name in ORDERED_BY for sign, words in (("-", "largest"), ("", "least"))]


class XrayOutput(PublicSerializer):
    """What the X-ray says of one symbol at its last closed candle; a score that cannot be known is null."""

    symbol = serializers.CharField(source="instrument.symbol")
    exchange = serializers.ChoiceField(choices=EXCHANGES, source="instrument.exchange")
    instrument = serializers.UUIDField(source="instrument.public_id")
    strategy = serializers.UUIDField(
        source="strategy.public_id", allow_null=True, default=None,
        help_text="The strategy version that has paid best in this regime; null: see strategy_note.",
    )  # fmt: skip
    strategy_name = serializers.CharField(
        source="strategy.name", allow_null=True, default=None, help_text="Its name."
    )  # fmt: skip

    class Meta:
        model = SymbolXray
        fields = (
            "id", "exchange", "symbol", "instrument", "timeframe", "candle_open_time", "regime", "regime_since",
            *SCORES, "strategy", "strategy_name", "strategy_trades", "strategy_mean", "strategy_note", "updated_at",
        )  # fmt: skip
        read_only_fields = fields


class XrayFilters(MomentFilterSet):
    """By symbol, market, regime and scores. `ordering` by a score leaves out symbols of which it is not known."""

    moment = "updated_at"
    symbol = UpperCharFilter(field_name="instrument__symbol")
    exchange = django_filters.ChoiceFilter(choices=EXCHANGES, field_name="instrument__exchange")
    timeframe = django_filters.CharFilter()
    regime = django_filters.ChoiceFilter(choices=Regime.choices)
    min_potential = django_filters.NumberFilter(field_name="potential", lookup_expr="gte", min_value=0, max_value=1)
    min_liquidity = django_filters.NumberFilter(field_name="liquidity", lookup_expr="gte", min_value=0, max_value=1)
    ordering = django_filters.ChoiceFilter(
        choices=ORDERS, method="_known", help_text="A score, with '-' before it the largest first; default: by id."
    )

    class Meta:
        model = SymbolXray
        fields: ClassVar[tuple[str, ...]] = ("symbol", "exchange", "timeframe", "regime")

    def _known(self, rows: QuerySet[SymbolXray], _name: str, value: str) -> QuerySet[SymbolXray]:
        return rows.filter(**{f"{value.lstrip('-')}__isnull": False})


class XrayCursor(CreatedCursorPagination):
    """By id, which never moves, or by a score that was asked for."""

    ordering = ("id",)

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> Any:
        """The score, then the id."""
        asked = request.query_params.get("ordering", "")
        return (asked, "id") if asked in dict(ORDERS) else self.ordering

    def decode_cursor(self, request: Request) -> Any:
        """The cursor; its position is a number here, not a moment."""
        cursor: Any = super(CreatedCursorPagination, self).decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            float(cursor.position)
        return cursor


@extend_schema(tags=["signals"])
class XrayViews(viewsets.ReadOnlyModelViewSet[SymbolXray]):
    """The X-ray of every scanned symbol and timeframe, renewed after each scan."""

    queryset = SymbolXray.objects.select_related("instrument", "strategy")
    serializer_class = XrayOutput
    filterset_class = XrayFilters
    pagination_class = XrayCursor
    lookup_field = "public_id"
    lookup_value_converter = "uuid"


class XrayHistoryInput(StrictSerializer):
    """Which candles of the X-ray's history."""

    exchange = serializers.ChoiceField(choices=EXCHANGES, required=False, help_text="Default: the first scanned.")
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


class XrayPointOutput(serializers.Serializer):  # type: ignore[type-arg]
    """The X-ray of one closed candle; a score that cannot be known is null."""

    candle_open_time = serializers.DateTimeField(help_text="When the candle began, UTC.")
    regime = serializers.ChoiceField(choices=Regime.choices, help_text="The regime after it.")
    strength = serializers.FloatField(allow_null=True, help_text="How clearly the candle shows it, 0 to 1.")
    trend = serializers.FloatField(allow_null=True, help_text="-1 to 1.")
    momentum = serializers.FloatField(allow_null=True, help_text="-1 to 1.")
    volatility = serializers.FloatField(allow_null=True, help_text="0 to 1.")
    volume = serializers.FloatField(allow_null=True, help_text="0 to 1.")
    support = serializers.FloatField(allow_null=True, help_text="In ATRs.")
    resistance = serializers.FloatField(allow_null=True, help_text="In ATRs.")
    liquidity = serializers.FloatField(allow_null=True, help_text="0 to 1.")
    potential = serializers.FloatField(allow_null=True, help_text="0 to 1.")


class XrayHistoryView(APIView):
    """The X-ray's history of one symbol."""

    @extend_schema(
        tags=["signals"], parameters=[XrayHistoryInput], responses={200: XrayPointOutput(many=True)},
        summary="The X-ray's history of one symbol, oldest first; written in batches of minutes.",
    )  # fmt: skip
    def get(self, request: Request, symbol: str) -> Response:
        """Closed candles, oldest first."""
        given = XrayHistoryInput(data=request.query_params.dict())
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        exchange = wanted.get("exchange") or [*settings.XRAY_MARKET_EXCHANGES, *settings.XRAY_EXCHANGES][0]
        if not Instrument.objects.filter(exchange=exchange, symbol=symbol.upper()).exists():
            raise NotFound
        rows = history_read(
            exchange=exchange, symbol=symbol.upper(), timeframe=wanted.get("timeframe", settings.XRAY_TIMEFRAMES[0]),
            since_ms=_ms(wanted.get("since")), until_ms=_ms(wanted.get("until")), limit=wanted["limit"],
        )  # fmt: skip
        return Response(XrayPointOutput([_point(row) for row in rows], many=True).data)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def _point(row: dict[str, Any]) -> dict[str, Any]:
    scores = {name: None if row[name] is None else round(row[name], 4) for name in SCORES}
    return {
        "candle_open_time": datetime.fromtimestamp(row["open_time_ms"] / 1000, UTC), "regime": row["regime"], **scores
    }  # fmt: skip
