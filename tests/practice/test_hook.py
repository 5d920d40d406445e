"""The one place where fault scripts stand: before acceptance, after it, or instead of the answer."""

import asyncio
import hashlib
import hmac
from decimal import Decimal

import aiohttp
import pytest
from aiohttp import web

from tests.practice.markets import Clock, small_exchange
from trading.practice.gateway import Answer
from trading.practice.server import Server


@pytest.fixture
async def served(tmp_path):
    server = Server(small_exchange(tmp_path / "state.sqlite3", Clock()))
    runner = web.AppRunner(server.application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield server, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await server.hub.close()
    await runner.cleanup()


async def test_an_interceptor_sees_rest_and_socket_requests(served):
    server, url = served
    seen = []

    async def script(request, proceed):
        seen.append((request.source, request.endpoint.path))
        answer = await proceed(request)
        return answer if request.source == "ws" else Answer(503, {"code": -1001, "msg": "Internal error."})

    server.gateway.interceptor = script
    async with aiohttp.ClientSession(url) as session:
        async with session.get("/api/v3/time") as answer:
            assert answer.status == 503
        async with session.ws_connect("/ws-api/v3") as socket:
            await socket.send_json({"id": "1", "method": "time"})
            assert (await socket.receive_json())["result"] == {"serverTime": server.exchange.clock()}
            await socket.send_json({"id": "2", "method": "nothing.known"})
            assert (await socket.receive_json())["status"] == 400
    assert seen == [("rest", "/api/v3/time"), ("ws", "/api/v3/time")]


async def test_a_held_back_request_does_not_hold_up_others(served):
    server, url = served
    release = asyncio.Event()

    async def script(request, proceed):
        if "hold" in request.params:
            await release.wait()
        return await proceed(request)

    server.gateway.interceptor = script
    async with aiohttp.ClientSession(url) as session, session.ws_connect("/ws-api/v3") as socket:
        await socket.send_json({"id": "slow", "method": "ping", "params": {"hold": "1"}})
        await socket.send_json({"id": "quick", "method": "ping"})
        assert (await socket.receive_json())["id"] == "quick"
        release.set()
        assert (await socket.receive_json())["id"] == "slow"


async def test_the_stubborn_are_banned(served):
    server, url = served
    server.gateway.weights.limit = 3
    async with aiohttp.ClientSession(url) as session:
        statuses = []
        for _ in range(30):
            async with session.get("/api/v3/time") as answer:
                statuses.append(answer.status)
                body, patience = await answer.json(), answer.headers.get("Retry-After")
        async with session.get("/practice/health") as answer:
            assert answer.status == 200
    assert statuses == [200] * 3 + [429] * 20 + [418] * 7
    assert body["code"] == -1003 and int(patience) > 0


async def test_what_is_signed_may_travel_in_query_and_body(served):
    server, url = served
    server.exchange.account_put("mixed-key", "secret", frozenset({"spot", "read"}), {"USDT": Decimal(1000)})
    query, body = "symbol=AAAUSDT&side=BUY&type=MARKET", f"quoteOrderQty=100&timestamp={server.exchange.clock()}"
    signature = hmac.new(b"secret", (query + body).encode(), hashlib.sha256).hexdigest()
    headers = {"X-MBX-APIKEY": "mixed-key", "Content-Type": "application/x-www-form-urlencoded"}
    async with aiohttp.ClientSession(url, headers=headers) as session:
        async with session.post(f"/api/v3/order?{query}", data=f"{body}&signature={signature}") as answer:
            assert (await answer.json())["status"] == "FILLED"
            assert answer.headers["X-MBX-ORDER-COUNT-10S"] == "1"
        async with session.post(f"/api/v3/order?{query}", data=f"{body}1&signature={signature}") as answer:
            assert (await answer.json())["code"] in (-1021, -1022)


async def test_without_a_token_there_is_no_admin(served):
    _, url = served
    async with aiohttp.ClientSession(url) as session, session.get("/practice/admin/ledger?key=a") as answer:
        assert answer.status == 404
