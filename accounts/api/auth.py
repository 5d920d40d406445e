"""Token login for scripts, logout, and the user's own details."""

import math
from typing import Any, cast

from django.contrib.auth import authenticate
from drf_spectacular.utils import extend_schema
from knox.auth import TokenAuthentication
from knox.models import AuthToken
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from accounts.api.fields import StrictSerializer
from accounts.api.scope import body_of, ip_of, user_of
from accounts.models import User
from accounts.services.audit import audit_record
from accounts.services.users import user_update


class LoginThrottle(SimpleRateThrottle):
    """Login attempts by address; django-axes also counts failures by (email, address)."""

    rate = "30/min"

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """One bucket an address (not what a header claims: that would be a way around it)."""
        return f"throttle:login:{ip_of(request)}"

    def wait(self) -> float | None:
        """Whole seconds read better in the message."""
        seconds = super().wait()
        return None if seconds is None else math.ceil(seconds)


class LoginInput(StrictSerializer):
    """Who logs in."""

    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=1024, trim_whitespace=False, write_only=True)


class UserOutput(serializers.ModelSerializer):  # type: ignore[type-arg]
    """The user as others may know them: no password, no keys."""

    id = serializers.UUIDField(source="public_id", read_only=True)

    class Meta:
        model = User
        fields = ("id", "email", "name", "role", "language", "time_zone", "preferred_exchange")
        read_only_fields = ("email", "role")


class LoginOutput(serializers.Serializer):  # type: ignore[type-arg]
    """The token is shown once; send it as 'Authorization: Token <token>'."""

    token = serializers.CharField()
    expires_at = serializers.DateTimeField()
    user = UserOutput()


class LoginView(APIView):
    """Email and password for a token."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (LoginThrottle,)

    @extend_schema(request=LoginInput, responses={200: LoginOutput}, auth=[], tags=["auth"])
    def post(self, request: Request) -> Response:
        """Log in. Too many failures for an email pause its login for a while (429).

        So do more than 30 tries a minute from one address, whoever they are for; behind a proxy that is the proxy's.
        """
        given = LoginInput(data=request.data)
        given.is_valid(raise_exception=True)
        email = given.validated_data["email"].strip().lower()
        password = given.validated_data["password"]
        user = cast(User | None, authenticate(request._request, username=email, password=password))
        if user is None:
            raise AuthenticationFailed("This email and password do not match, or the user is not active.")
        row, token = AuthToken.objects.create(user)
        audit_record(actor=user, action="api.login", obj=user, ip=ip_of(request))
        return Response(LoginOutput({"token": token, "expires_at": row.expiry, "user": user}).data)


class LogoutView(APIView):
    """The end of a token."""

    authentication_classes = (TokenAuthentication,)

    @extend_schema(request=None, responses={204: None}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Revoke the token that this request carries."""
        auth: Any = request.auth
        auth.delete()
        return Response(status=204)


class MeView(APIView):
    """The user's own details."""

    @extend_schema(responses={200: UserOutput}, tags=["auth"])
    def get(self, request: Request) -> Response:
        """Who this token belongs to."""
        return Response(UserOutput(user_of(request)).data)

    @extend_schema(request=UserOutput, responses={200: UserOutput}, tags=["auth"])
    def patch(self, request: Request) -> Response:
        """Change name, language, time_zone or preferred_exchange."""
        changes = body_of(request)
        if not changes:
            raise ValidationError({"general": ["Nothing to change was sent."]})
        return Response(UserOutput(user_update(user=user_of(request), **changes)).data)
