"""The deposit of an account: what it is worth, token by token, and how that came about."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import ExactDecimal
from accounts.api.scope import OwnRows
from accounts.models import ExchangeAccount
from trading.models import LedgerEntry
from trading.selectors.deposit_report import deposit_read, history_read
from trading.selectors.equity import RANGES

ACCOUNTS = ExchangeAccount.objects.exclude(status=ExchangeAccount.Status.REMOVED)
WHYS = [
    ("", "It has a price"),
    ("no_route", "No pair leads to the account's currency"),
    ("no_quote", "No usable quote"),
]
RANGE = OpenApiParameter("range", str, enum=list(RANGES), default="all", description="How far back to look.")


class LineOutput(serializers.Serializer):  # type: ignore[type-arg]
    """One token of an account."""

    currency = serializers.CharField(help_text="The token.")
    amount = ExactDecimal(help_text="All of it, free and locked.")
    locked = ExactDecimal(help_text="What open orders reserve.")
    route = serializers.ListField(child=serializers.CharField(), help_text="From the token to the account's currency.")
    price = ExactDecimal(allow_null=True, help_text="Of one token, in the account's currency; null: no price.")
    at = serializers.DateTimeField(allow_null=True, help_text="When the oldest price of the route was seen, UTC.")
    value = ExactDecimal(allow_null=True, help_text="In the account's currency; null: not counted.")
    why = serializers.ChoiceField(choices=WHYS, help_text="Why it has no price.")


class ReturnsOutput(serializers.Serializer):  # type: ignore[type-arg]
    """Time-weighted returns as fractions; what was paid in or out does not touch them."""

    day = ExactDecimal(allow_null=True, help_text="Of 24 hours.")
    week = ExactDecimal(allow_null=True, help_text="Of 7 days.")
    month = ExactDecimal(allow_null=True, help_text="Of 30 days.")
    all = ExactDecimal(allow_null=True, help_text="Since the first snapshot.")


class DepositOutput(serializers.Serializer):  # type: ignore[type-arg]
    """The value of a whole account in its quote currency."""

    account = serializers.UUIDField(source="account.public_id", help_text="Public id of the account.")
    currency = serializers.CharField(help_text="What the value is in.")
    at = serializers.DateTimeField(help_text="When this was the value, UTC.")
    priced_at = serializers.DateTimeField(help_text="When the oldest price in it was seen, UTC.")
    stale = serializers.BooleanField(help_text="A price is missing: this is the last known value.")
    unread = serializers.CharField(help_text="Why nothing is known of it yet, and amounts are null; else empty.")
    equity = ExactDecimal(allow_null=True, help_text="The value of everything that has a price; null: never read.")
    free = ExactDecimal(allow_null=True, help_text="Quote currency that open orders do not reserve.")
    net_deposits = ExactDecimal(allow_null=True, help_text="Paid in minus taken out, each at its value then.")
    profit = ExactDecimal(allow_null=True, help_text="Value minus net deposits.")
    returns = ReturnsOutput(help_text="Time-weighted.")
    lines = LineOutput(many=True, help_text="Tokens with a price, the most valuable first.")
    unpriced = LineOutput(many=True, help_text="Tokens without a price; they are not in the value.")


class PointOutput(serializers.Serializer):  # type: ignore[type-arg]
    """The value at a moment."""

    at = serializers.DateTimeField(help_text="UTC.")
    equity = ExactDecimal(help_text="The account's value.")
    net_deposits = ExactDecimal(help_text="Paid in minus taken out until then.")


class MoveOutput(serializers.Serializer):  # type: ignore[type-arg]
    """Money that came or went."""

    at = serializers.DateTimeField(help_text="UTC.")
    currency = serializers.CharField(help_text="The token.")
    amount = ExactDecimal(help_text="Negative: taken out.")
    kind = serializers.ChoiceField(choices=LedgerEntry.Kind.choices, help_text="deposit or withdrawal.")


class HistoryOutput(serializers.Serializer):  # type: ignore[type-arg]
    """The value of an account over time."""

    currency = serializers.CharField(help_text="What values are in.")
    points = PointOutput(many=True, help_text="Oldest first, at most 720.")
    moves = MoveOutput(many=True, help_text="The newest 200 deposits and withdrawals in the range, oldest first.")


@extend_schema(tags=["accounts"])
class DepositView(OwnRows, GenericAPIView[ExchangeAccount]):
    """What an account is worth."""

    queryset = ACCOUNTS
    serializer_class = DepositOutput
    lookup_field = "public_id"

    @extend_schema(responses={200: DepositOutput})
    def get(self, request: Request, public_id: Any) -> Response:
        """The account's value by token, its profit and returns. Asks no exchange."""
        return Response(DepositOutput(deposit_read(self.get_object())).data)


@extend_schema(tags=["accounts"])
class DepositHistoryView(OwnRows, GenericAPIView[ExchangeAccount]):
    """What an account was worth."""

    queryset = ACCOUNTS
    serializer_class = HistoryOutput
    filter_backends = ()
    lookup_field = "public_id"

    @extend_schema(responses={200: HistoryOutput}, parameters=[RANGE])
    def get(self, request: Request, public_id: Any) -> Response:
        """The account's value over a range, with deposits and withdrawals."""
        name = request.query_params.get("range", "all")
        if name not in RANGES:
            raise ValidationError({"range": [f"Choose one of {', '.join(RANGES)}."]})
        return Response(HistoryOutput(history_read(self.get_object(), name)).data)
