"""`Idempotency-Key`: a repeated request is answered with the intent of the first."""

import hashlib
import json
from collections.abc import Callable

from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.scope import user_of
from trading.api.outputs import IntentOutput
from trading.models import Intent
from trading.services.request_keys import KeyUsed, intent_once

NAME, LONGEST = "Idempotency-Key", 64
KEY = OpenApiParameter(
    NAME,
    str,
    OpenApiParameter.HEADER,
    description="A text of your own (1 to 64 visible characters) for this request. Repeat it with the same key when its"
    " answer was lost: for a day it is done once, and answered with the first intent.",
)


class KeyConflict(APIException):
    """The key stands for another request."""

    status_code, default_code = 409, "conflict"
    default_detail = f"This {NAME} was used for another request: use a new one."


def answer_once(request: Request, act: Callable[[], Intent]) -> Response:
    """Do it and answer with its intent. Raises KeyConflict, ValidationError, and what `act` raises."""
    key = request.headers.get(NAME)
    if key is None:
        return Response(IntentOutput(act()).data, status=202)
    if not 0 < len(key) <= LONGEST or not key.isascii() or not key.isprintable():
        raise ValidationError({NAME: [f"1 to {LONGEST} visible ASCII characters."]})
    asked = json.dumps([request.path, request.data], sort_keys=True, default=str)
    try:
        intent = intent_once(user=user_of(request), key=key, asked=hashlib.sha256(asked.encode()).hexdigest(), act=act)
    except KeyUsed:
        raise KeyConflict from None
    return Response(IntentOutput(intent).data, status=202)
