"""The one door: REST requests and websocket-API requests become a ``Request``, pass the hook, and get an ``Answer``.

``Gateway.interceptor`` is the only place where a fault script has to stand: it sees every request before anything has
happened and decides when, and whether, to call ``proceed``; what ``proceed`` returns has been accepted and committed.
A time-out before acceptance is a sleep before ``proceed``, one after acceptance a sleep behind it.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from trading.practice import auth, errors
from trading.practice.accounts import Account
from trading.practice.errors import ApiError
from trading.practice.exchange import Exchange
from trading.practice.limits import OrderMeter, WeightMeter
from trading.practice.params import Params

log = logging.getLogger(__name__)

OPEN, KEY, SIGNED = "open", "key", "signed"  # what an endpoint asks of its caller


@dataclass(slots=True)
class Call:
    """What a handler is given; ``account`` is None on open endpoints, ``now`` in real ms."""

    exchange: Exchange
    params: Params
    account: Account | None
    now: int
    weights: WeightMeter

    @property
    def owner(self) -> Account:
        """The caller's account, on endpoints that need one."""
        if self.account is None:
            raise errors.unauthorized()
        return self.account


Handler = Callable[[Call], Any]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One entry of the protocol: a REST method and path, the websocket-API method of the same meaning, its price."""

    method: str
    path: str
    handler: Handler
    weight: int | Callable[[Params], int] = 1
    security: str = OPEN
    ws: str | None = None
    permission: str = "read"
    is_order: bool = False


@dataclass(slots=True)
class Request:
    """A request as it arrived, ``at`` real ms; ``signed`` is the text its signature covers, ``source`` rest or ws."""

    endpoint: Endpoint
    params: dict[str, Any]
    key: str | None
    signed: str
    signature: str | None
    address: str
    source: str
    at: int = 0


@dataclass(slots=True)
class Answer:
    """Status, JSON-able body and headers. A fault may put `raw` bytes in place of the body, or `cut` the connection."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    cut: bool = False

    def text(self) -> bytes:
        """What goes over the wire."""
        return orjson.dumps(self.body) if self.raw is None else self.raw


Proceed = Callable[[Request], Awaitable[Answer]]
Interceptor = Callable[[Request, Proceed], Awaitable[Answer]]


async def pass_through(request: Request, proceed: Proceed) -> Answer:
    """The interceptor of an exchange without faults."""
    return await proceed(request)


class Gateway:
    """Weighs, authenticates and answers requests."""

    def __init__(self, exchange: Exchange, endpoints: tuple[Endpoint, ...], weight_limit: int) -> None:
        self.exchange = exchange
        self.interceptor: Interceptor = pass_through
        self.weights, self.orders = WeightMeter(weight_limit), OrderMeter()
        self.rest: Mapping[tuple[str, str], Endpoint] = {(one.method, one.path): one for one in endpoints}
        self.ws: Mapping[str, Endpoint] = {one.ws: one for one in endpoints if one.ws}

    async def __call__(self, request: Request) -> Answer:
        """Answer one request, through the hook."""
        request.at = self.exchange.clock()
        return await self.interceptor(request, self._proceed)

    async def _proceed(self, request: Request) -> Answer:
        headers: dict[str, str] = {}
        try:
            answer = Answer(200, self._handle(request, headers))
        except ApiError as error:
            answer = Answer(error.status, error.body())
            headers |= error.headers
        except Exception:
            log.exception("%s %s failed", request.endpoint.method, request.endpoint.path)
            answer = Answer(500, errors.unknown_error().body())
        answer.headers = {"X-MBX-USED-WEIGHT-1M": str(self.weights.used(request.address))} | headers
        return answer

    def _handle(self, request: Request, headers: dict[str, str]) -> Any:
        endpoint, params, now = request.endpoint, Params(request.params), self.exchange.clock()
        weight = endpoint.weight if isinstance(endpoint.weight, int) else endpoint.weight(params)
        self.weights.add(request.address, weight, now, request.at)
        account = self._account(request, params, now) if endpoint.security != OPEN else None
        if account and endpoint.is_order:
            headers |= self.orders.add(account.id, now)
        return endpoint.handler(Call(self.exchange, params, account, now, self.weights))

    def _account(self, request: Request, params: Params, now: int) -> Account:
        account = auth.key_check(self.exchange.by_key, request.key)
        if account.key in self.exchange.revoked:
            raise errors.unauthorized()
        if request.endpoint.security == SIGNED:
            if not request.signature:
                raise errors.missing("signature")
            auth.time_check(params, now)
            auth.signature_check(account, request.signed, request.signature)
            auth.permission_check(account, request.endpoint.permission)
        return account
