"""Comparing an account with its exchange: asked for, and what came of it."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.scope import OwnRows
from accounts.models import ExchangeAccount
from trading.domain.findings import FindingKind
from trading.models import AccountCheck
from trading.selectors.accounts import comparison_read
from trading.services.reconciliation import check_request

ACCOUNTS = ExchangeAccount.objects.exclude(status=ExchangeAccount.Status.REMOVED)


class FindingOutput(serializers.Serializer):  # type: ignore[type-arg]
    """One thing that differed."""

    kind = serializers.ChoiceField(choices=[(kind.value, kind.value) for kind in FindingKind], help_text="Its class.")
    text = serializers.CharField(help_text="In words.")


class FoundOutput(serializers.Serializer):  # type: ignore[type-arg]
    """A comparison that found something."""

    at = serializers.DateTimeField(help_text="When the exchange was asked, UTC.")
    reason = serializers.CharField(help_text="Why it was compared.")
    outcome = serializers.ChoiceField(choices=AccountCheck.Outcome.choices, help_text="What followed.")
    findings = FindingOutput(many=True, help_text="What differed.")


class ComparisonOutput(serializers.Serializer):  # type: ignore[type-arg]
    """How an account stands against its exchange."""

    account = serializers.UUIDField(source="account.public_id", help_text="Public id of the account.")
    wanted_at = serializers.DateTimeField(
        allow_null=True, help_text="From then on it is to be compared again, UTC; null: no comparison waits."
    )
    checked_at = serializers.DateTimeField(allow_null=True, help_text="The last comparison, UTC; null: never.")
    found = FoundOutput(allow_null=True, help_text="The last one within two days that found something.")


@extend_schema(tags=["exchange accounts"])
class CompareView(OwnRows, GenericAPIView[ExchangeAccount]):
    """The account beside its exchange."""

    queryset = ACCOUNTS
    serializer_class = ComparisonOutput
    lookup_field = "public_id"

    @extend_schema(responses={200: ComparisonOutput})
    def get(self, request: Request, public_id: Any) -> Response:
        """When the account was last compared with its exchange, and what differed. Asks no exchange."""
        return self._told(self.get_object())

    @extend_schema(request=None, responses={202: ComparisonOutput})
    def post(self, request: Request, public_id: Any) -> Response:
        """Compare the account with its exchange now: done by a worker within seconds, whether it trades or not.

        Only an account with keys has an exchange to be compared with (400). What differs is taken over, shown, or
        pauses the account; read the same address until `wanted_at` is null.
        """
        account = self.get_object()
        check_request(account=account)
        return self._told(account, status=202)

    def _told(self, account: ExchangeAccount, status: int = 200) -> Response:
        return Response(ComparisonOutput(comparison_read(account)).data, status=status)
