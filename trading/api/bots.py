"""Bots: create, list, start, stop, pause, resume, delete; their configuration: read, validate, change."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import ReasonInput
from accounts.api.scope import OwnRows, body_of, ip_of, user_of
from trading.api.filters import BotFilters
from trading.api.inputs import BotInput, ConfigChangeInput, ConfigInput, ConfigReplaceInput, ValidationOutput
from trading.api.outputs import BotOutput, ConfigOutput
from trading.models import Bot, BotConfig
from trading.services import bots as services
from trading.services.bot_validation import bot_config_validate, config_defaults, config_warnings
from trading.services.fields import boolean

BOTS = Bot.objects.filter(deleted_at=None).select_related("user", "account", "config__strategy")


@extend_schema(tags=["bots"])
class BotViews(OwnRows, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Bot]):
    """The user's bots."""

    queryset = BOTS
    serializer_class = BotOutput
    filterset_class = BotFilters
    lookup_field = "public_id"
    lookup_value_converter = "uuid"

    @extend_schema(request=BotInput, responses={201: BotOutput})
    def create(self, request: Request) -> Response:
        """A new bot, stopped, with version 1 of its configuration."""
        bot = services.bot_create(user=user_of(request), data=body_of(request), ip=ip_of(request))
        return Response(BotOutput(BOTS.get(pk=bot.pk)).data, status=201)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, public_id: Any = None) -> Response:
        """Stop and hide the bot for good; refused while it holds or orders anything. Its trades stay."""
        services.bot_delete(bot=self.get_object(), actor=user_of(request), ip=ip_of(request))
        return Response(status=204)

    @extend_schema(request=None, responses={200: BotOutput})
    @action(detail=True, methods=["post"])
    def start(self, request: Request, public_id: Any = None) -> Response:
        """Let the bot decide."""
        return self._moved(request, services.bot_start)

    @extend_schema(request=ReasonInput, responses={200: BotOutput})
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, public_id: Any = None) -> Response:
        """No more decisions; open positions keep their stops, targets and holding times."""
        return self._moved(request, services.bot_stop, reason=_reason(request))

    @extend_schema(request=ReasonInput, responses={200: BotOutput})
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, public_id: Any = None) -> Response:
        """No new entries until it is resumed."""
        return self._moved(request, services.bot_pause, reason=_reason(request))

    @extend_schema(request=None, responses={200: BotOutput})
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, public_id: Any = None) -> Response:
        """A paused bot decides again."""
        return self._moved(request, services.bot_resume)

    def _moved(self, request: Request, move: Callable[..., Bot], **words: str) -> Response:
        bot = move(bot=self.get_object(), actor=user_of(request), ip=ip_of(request), **words)
        return Response(BotOutput(BOTS.get(pk=bot.pk)).data)


def _flag(raw: Any) -> bool:
    try:
        return boolean(raw)
    except ValueError as error:
        raise ValidationError({"apply_to_open": [str(error)]}) from None


def _reason(request: Request) -> str:
    given = ReasonInput(data=request.data)
    given.is_valid(raise_exception=True)
    return str(given.validated_data["reason"])


@extend_schema(tags=["bots"])
class BotConfigView(OwnRows, GenericAPIView[Bot]):
    """The configuration in force of one bot; every change makes an immutable version."""

    queryset = BOTS
    serializer_class = ConfigOutput
    lookup_field = "public_id"

    @extend_schema(responses={200: ConfigOutput})
    def get(self, request: Request, public_id: Any) -> Response:
        """The version in force."""
        return Response(ConfigOutput(self.get_object().config).data)

    @extend_schema(request=ConfigReplaceInput, responses={200: ConfigOutput})
    def put(self, request: Request, public_id: Any) -> Response:
        """Replace the configuration: fields left out take their defaults."""
        return self._configured(request, {**config_defaults(), **body_of(request)})

    @extend_schema(request=ConfigChangeInput, responses={200: ConfigOutput})
    def patch(self, request: Request, public_id: Any) -> Response:
        """Change some fields: those left out keep their values. A running bot takes it without a restart."""
        return self._configured(request, body_of(request))

    def _configured(self, request: Request, data: dict[str, Any]) -> Response:
        bot = self.get_object()
        apply_to_open = _flag(data.pop("apply_to_open", False))
        config = services.bot_configure(
            bot=bot, data=data, actor=user_of(request), apply_to_open=apply_to_open, ip=ip_of(request)
        )
        return Response(ConfigOutput(config).data)


@extend_schema(tags=["bots"])
class BotConfigVersionsView(OwnRows, ListAPIView[BotConfig]):
    """Every version of one bot's configuration, newest first; positions keep the one they were opened under."""

    owner = "bot__user"
    queryset = BotConfig.objects.filter(bot__deleted_at=None).select_related("strategy")
    serializer_class = ConfigOutput

    def get_queryset(self) -> QuerySet[BotConfig]:
        """The versions of a bot that is the user's."""
        rows = super().get_queryset().filter(bot__public_id=self.kwargs.get("public_id"))
        if not getattr(self, "swagger_fake_view", False) and not rows.exists():
            raise NotFound
        return rows


@extend_schema(tags=["bots"])
class BotConfigValidateView(OwnRows, GenericAPIView[Bot]):
    """Whether a configuration would be taken, without taking it."""

    queryset = BOTS
    serializer_class = ValidationOutput
    lookup_field = "public_id"

    @extend_schema(request=ConfigInput, responses={200: ValidationOutput})
    def post(self, request: Request, public_id: Any) -> Response:
        """Check the fields as a change of this bot; always 200, with `valid` and messages by field."""
        clean, errors = bot_config_validate(body_of(request), user=user_of(request), bot=self.get_object())
        warnings = {} if errors else config_warnings(clean)
        return Response({"valid": not errors, "field_errors": errors, "warnings": warnings})
