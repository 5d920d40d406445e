"""The two kinds of websocket: market streams (/ws, /stream) and the websocket API (/ws-api/v3)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from trading.practice.gateway import SIGNED, Endpoint, Gateway, Request
from trading.practice.hub import Client, Hub
from trading.practice.params import Params

SUBSCRIBE_USER = "userDataStream.subscribe.signature"
UNSUBSCRIBE_USER = "userDataStream.unsubscribe"
ENDPOINTS = (
    # their effect is on the connection, see WsApi._after; here they are only authenticated
    Endpoint("WS", SUBSCRIBE_USER, lambda call: {"subscriptionId": 0}, 2, SIGNED, SUBSCRIBE_USER),
    Endpoint("WS", UNSUBSCRIBE_USER, lambda call: {}, 2, ws=UNSUBSCRIBE_USER),
)


@asynccontextmanager
async def _connection(request: web.Request, hub: Hub, combined: bool = False) -> AsyncIterator[Client]:
    socket = web.WebSocketResponse(heartbeat=20, compress=False)
    await socket.prepare(request)
    client = Client(socket, combined)
    hub.clients.add(client)
    try:
        yield client
    finally:
        hub.drop(client)


async def _messages(client: Client) -> AsyncIterator[Any]:
    """JSON messages of a client; what is no JSON object is answered and skipped."""
    async for message in client.socket:
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            continue
        try:
            parsed = orjson.loads(message.data)
        except orjson.JSONDecodeError:
            parsed = None
        if isinstance(parsed, dict):
            yield parsed
        else:
            client.send({"error": {"code": 3, "msg": "Invalid JSON: expected an object"}, "id": None})


class MarketSocket:
    """/ws and /stream: names in the address, then SUBSCRIBE, UNSUBSCRIBE and LIST_SUBSCRIPTIONS.

    /stream wraps every event as ``{"stream": ..., "data": ...}``. /ws does not, and neither does /stream/NAMES, which
    Binance does not have: ccxt takes a socket for a spot one only if its address contains "/stream", and appends a
    number to it, but cannot read wrapped arrays.
    """

    def __init__(self, gateway: Gateway, hub: Hub) -> None:
        self._exchange, self._hub = gateway.exchange, hub

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it closes."""
        combined = request.path == "/stream"
        names = request.query.get("streams", "") if combined else request.match_info.get("names", "")
        async with _connection(request, self._hub, combined) as client:
            self._subscribe(client, [name for name in names.split("/") if name])
            async for message in _messages(client):
                client.send(self._command(client, message))
        return client.socket

    def _command(self, client: Client, message: dict[str, Any]) -> dict[str, Any]:
        id, names = message.get("id"), [str(name) for name in message.get("params") or []]
        match message.get("method"):
            case "SUBSCRIBE":
                unknown = self._subscribe(client, names)
                if unknown:
                    return {"error": {"code": 2, "msg": f"Invalid request: unknown stream {unknown[0]}"}, "id": id}
            case "UNSUBSCRIBE":
                for name in names:
                    self._hub.unsubscribe(client, name)
            case "LIST_SUBSCRIPTIONS":
                return {"result": self._hub.names_of(client), "id": id}
            case _:
                return {"error": {"code": 2, "msg": "Invalid request: unknown method"}, "id": id}
        return {"result": None, "id": id}

    def _subscribe(self, client: Client, names: list[str]) -> list[str]:
        """Subscribe to streams and listen keys; returns the names that are neither."""
        unknown = []
        for name in names:
            account = self._exchange.listen_keys.account_of(name, self._exchange.clock())
            if account is not None:
                self._hub.subscribe_user(client, account, {"stream": name}, "data" if client.combined else "")
            elif not self._hub.subscribe(client, name):
                unknown.append(name)  # in an address, ccxt numbers its connections: /ws/0
        return unknown


class WsApi:
    """/ws-api/v3: the REST endpoints as messages, and the user-data stream by signature."""

    def __init__(self, gateway: Gateway, hub: Hub) -> None:
        self._gateway, self._hub = gateway, hub

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it closes."""
        tasks: set[asyncio.Task] = set()
        async with _connection(request, self._hub) as client:
            async for message in _messages(client):
                task = asyncio.create_task(self._answer(client, message, request.remote or ""))
                tasks.add(task)  # a request that a fault script holds back must not hold up the next one
                task.add_done_callback(tasks.discard)
        return client.socket

    async def _answer(self, client: Client, message: dict[str, Any], address: str) -> None:
        id, method, params = message.get("id"), str(message.get("method")), message.get("params") or {}
        endpoint = self._gateway.ws.get(method)
        if endpoint is None or not isinstance(params, dict):
            error = {"code": -1000, "msg": f"Unknown method: {method}"}
            client.send({"id": id, "status": 400, "error": error})
            return
        answer = await self._gateway(_request(endpoint, params, address))
        if answer.cut:
            client.stop()
            return
        if answer.raw is not None:
            client.send_text(answer.raw.decode())
            return
        body = {"result": answer.body} if answer.status == 200 else {"error": answer.body}
        client.send({"id": id, "status": answer.status} | body | {"rateLimits": self._rates(address)})
        if answer.status == 200:
            self._after(client, method, params)

    def _after(self, client: Client, method: str, params: dict[str, Any]) -> None:
        if method == SUBSCRIBE_USER:
            account = self._gateway.exchange.by_key[params["apiKey"]]
            self._hub.unsubscribe_user(client)
            self._hub.subscribe_user(client, account.id, {"subscriptionId": 0}, "event")
        elif method == UNSUBSCRIBE_USER:
            self._hub.unsubscribe_user(client)

    def _rates(self, address: str) -> list[dict[str, Any]]:
        weights = self._gateway.weights
        rate = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
        return [rate | {"limit": weights.limit, "count": weights.used(address)}]


def _request(endpoint: Endpoint, params: dict[str, Any], address: str) -> Request:
    """Sign over the sorted parameters, as the websocket API has it."""
    texts = Params(params).all()
    signature = texts.pop("signature", None)
    signed = "&".join(f"{name}={value}" for name, value in sorted(texts.items()))
    return Request(endpoint, params, params.get("apiKey"), signed, signature, address, "ws")
