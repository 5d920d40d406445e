"""Exchange accounts: add, verify, replace keys, pause, remove. Keys go in and never come out."""

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import ExactDecimal, PublicSerializer, ReasonInput, StrictSerializer
from accounts.api.filters import MomentFilterSet
from accounts.api.scope import NoIntegrationWrites, OwnRows, ip_of, user_of
from accounts.models import EXCHANGES, ExchangeAccount
from accounts.services import exchange_accounts as services


class AccountOutput(PublicSerializer):
    """An account without its keys; `key_hint` is the end of the API key."""

    paper_start_balance = ExactDecimal()
    has_keys = serializers.SerializerMethodField()
    permissions = serializers.JSONField(read_only=True)

    class Meta:
        model = ExchangeAccount
        fields = (
            "id",
            "name",
            "exchange",
            "mode",
            "quote_currency",
            "paper_start_balance",
            "key_hint",
            "has_keys",
            "verification",
            "verification_detail",
            "permissions",
            "verified_at",
            "status",
            "status_reason",
            "live_enabled",
            "last_checked_at",
            "created_at",
        )
        read_only_fields = fields

    def get_has_keys(self, account: ExchangeAccount) -> bool:
        """Whether sealed keys are stored."""
        return bool(account.sealed_credentials)


def _secret() -> serializers.CharField:
    return serializers.CharField(
        max_length=4096, required=False, allow_blank=True, write_only=True, trim_whitespace=True, default=""
    )


class KeysInput(StrictSerializer):
    """Keys, sealed on arrival and never shown again."""

    api_key = _secret()
    api_secret = _secret()
    passphrase = _secret()


class AccountInput(KeysInput):
    """A new account. Paper needs no keys; KuCoin and OKX also need the passphrase."""

    name = serializers.CharField(max_length=80)
    exchange = serializers.ChoiceField(choices=EXCHANGES)
    mode = serializers.ChoiceField(choices=ExchangeAccount.Mode.choices, default="paper")
    quote_currency = serializers.CharField(max_length=16, default="USDT")
    paper_start_balance = serializers.CharField(
        max_length=64, required=False, default="", help_text="Quote currency a paper account begins with."
    )
    live_enabled = serializers.BooleanField(default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A switch that would do nothing is refused."""
        if attrs["live_enabled"] and attrs["mode"] != ExchangeAccount.Mode.LIVE:
            raise serializers.ValidationError({"live_enabled": ["Only an account of mode live has this switch."]})
        return super().validate(attrs)


class LiveInput(StrictSerializer):
    """The owner's own switch for live trading."""

    enabled = serializers.BooleanField()


class AccountFilters(MomentFilterSet):
    """By exchange, mode, status."""

    exchange = django_filters.ChoiceFilter(choices=EXCHANGES)
    mode = django_filters.ChoiceFilter(choices=ExchangeAccount.Mode.choices)
    status = django_filters.ChoiceFilter(choices=ExchangeAccount.Status.choices)

    class Meta:
        model = ExchangeAccount
        fields = ("exchange", "mode", "status")


@extend_schema(tags=["exchange accounts"])
class AccountViews(OwnRows, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[ExchangeAccount]):
    """The user's accounts at exchanges."""

    queryset = ExchangeAccount.objects.exclude(status=ExchangeAccount.Status.REMOVED)
    serializer_class = AccountOutput
    filterset_class = AccountFilters
    permission_classes = (IsAuthenticated, NoIntegrationWrites)
    lookup_field = "public_id"
    lookup_value_converter = "uuid"

    @extend_schema(request=AccountInput, responses={201: AccountOutput})
    def create(self, request: Request) -> Response:
        """Add an account; with keys it is verified in the background (watch `verification`)."""
        account = services.account_add(user=user_of(request), ip=ip_of(request), **_given(AccountInput, request))
        return Response(AccountOutput(account).data, status=201)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, public_id: Any = None) -> Response:
        """Delete the keys and hide the account. Refused while a bot, position or order needs it."""
        services.account_remove(account=self.get_object(), actor=user_of(request), ip=ip_of(request))
        return Response(status=204)

    @extend_schema(request=None, responses={202: AccountOutput})
    @action(detail=True, methods=["post"])
    def verify(self, request: Request, public_id: Any = None) -> Response:
        """Verify the keys again, in the background."""
        account = services.account_verify_request(account=self.get_object(), actor=user_of(request), ip=ip_of(request))
        return Response(AccountOutput(account).data, status=202)

    @extend_schema(request=KeysInput, responses={202: AccountOutput})
    @action(detail=True, methods=["post"])
    def keys(self, request: Request, public_id: Any = None) -> Response:
        """Replace the keys; running processes take them without a restart."""
        account = services.account_replace_keys(
            account=self.get_object(), actor=user_of(request), ip=ip_of(request), **_given(KeysInput, request)
        )
        return Response(AccountOutput(account).data, status=202)

    @extend_schema(request=None, responses={200: AccountOutput})
    @action(detail=True, methods=["post"])
    def attest(self, request: Request, public_id: Any = None) -> Response:
        """Vouch that a key whose permissions nobody can read may not withdraw."""
        account = services.account_attest(account=self.get_object(), actor=user_of(request), ip=ip_of(request))
        return Response(AccountOutput(account).data)

    @extend_schema(request=ReasonInput, responses={200: AccountOutput})
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, public_id: Any = None) -> Response:
        """No trading on this account until it is resumed."""
        account = services.account_pause(
            account=self.get_object(), actor=user_of(request), ip=ip_of(request), **_given(ReasonInput, request)
        )
        return Response(AccountOutput(account).data)

    @extend_schema(request=None, responses={200: AccountOutput})
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, public_id: Any = None) -> Response:
        """The account may trade again."""
        account = services.account_resume(account=self.get_object(), actor=user_of(request), ip=ip_of(request))
        return Response(AccountOutput(account).data)

    @extend_schema(request=LiveInput, responses={200: AccountOutput})
    @action(detail=True, methods=["post"])
    def live(self, request: Request, public_id: Any = None) -> Response:
        """Switch live trading of this account on or off (the deployment has a switch of its own)."""
        account = services.account_live_set(
            account=self.get_object(), actor=user_of(request), ip=ip_of(request), **_given(LiveInput, request)
        )
        return Response(AccountOutput(account).data)


def _given(kind: type[StrictSerializer], request: Request) -> dict[str, Any]:
    given = kind(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)
