"""The socket: refuses strangers, forwards what belongs to its user, and nothing else."""

import pytest
import redis
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser

from accounts.clock import now
from tests.pages import worlds
from trading import consumers, live
from trading.consumers import LOGIN_NEEDED, LiveConsumer
from trading.live import EVERYBODY, user_group
from trading.market_push import market_group

WAIT_S = 15  # on a busy machine with a database server
pytestmark = pytest.mark.django_db(transaction=True)


async def connected(user) -> WebsocketCommunicator:
    socket = WebsocketCommunicator(LiveConsumer.as_asgi(), "/ws/live")
    socket.scope["user"] = user
    accepted, _ = await socket.connect(timeout=WAIT_S)
    assert accepted
    return socket


def event(kind: str, **payload) -> dict:
    return {"type": "live.events", "events": [{"kind": kind, "payload": payload}]}


async def test_an_anonymous_socket_is_closed():
    socket = await connected(AnonymousUser())
    assert (await socket.receive_output(WAIT_S))["code"] == LOGIN_NEEDED
    await get_channel_layer().group_send(EVERYBODY, event("market", exchange="binance"))
    assert await socket.receive_nothing()


async def test_a_deactivated_user_is_closed():
    user = await database_sync_to_async(worlds.trader)(is_active=False)
    socket = await connected(user)
    assert (await socket.receive_output(WAIT_S))["code"] == LOGIN_NEEDED


async def test_a_user_gets_what_is_theirs_and_nothing_of_another():
    anna = await database_sync_to_async(worlds.trader)()
    eve = await database_sync_to_async(worlds.trader)("eve@example.org")
    mine, hers = await connected(anna), await connected(eve)
    await get_channel_layer().group_send(user_group(anna.pk), event("pnl", equity="10001.5"))
    assert await mine.receive_json_from(WAIT_S) == {"kind": "pnl", "payload": {"equity": "10001.5"}}
    assert await hers.receive_nothing()
    await get_channel_layer().group_send(EVERYBODY, event("market", exchange="binance"))
    assert (await mine.receive_json_from(WAIT_S))["kind"] == (await hers.receive_json_from(WAIT_S))["kind"] == "market"
    await mine.disconnect()
    await hers.disconnect()


async def test_a_page_finds_back_into_its_groups(monkeypatch, settings):
    """After a Redis lost its data nobody is in any group any more."""
    monkeypatch.setattr(consumers, "REJOIN_S", 0.05)
    user = await database_sync_to_async(worlds.trader)()
    socket = await connected(user)
    layer = get_channel_layer()
    if settings.REDIS_URL:
        redis.Redis.from_url(settings.REDIS_URL).delete(layer._group_key(user_group(user.pk)))
    else:
        layer.groups.clear()
    for _ in range(100):
        await layer.group_send(user_group(user.pk), event("pnl", equity="1"))
        if not await socket.receive_nothing(timeout=0.1):
            break
    assert (await socket.receive_json_from(WAIT_S))["kind"] == "pnl"
    await socket.disconnect()


async def test_a_page_learns_that_it_missed_something_before_its_socket_opened():
    user = await database_sync_to_async(worlds.trader)()
    rendered = now().timestamp()
    socket = await connected(user)
    await database_sync_to_async(live.push)(user.pk, live.Kind.PNL, {"equity": "1"})
    await socket.receive_json_from(WAIT_S)
    for nonsense in ("yesterday", None, [1]):
        await socket.send_json_to({"action": "since", "at": nonsense})
    await socket.send_json_to({"action": "since", "at": rendered})
    assert await socket.receive_nothing()
    await database_sync_to_async(live.push)(user.pk, live.Kind.TRADE, {"id": "1"})
    assert (await socket.receive_json_from(WAIT_S))["kind"] == "trade"
    await socket.send_json_to({"action": "since", "at": rendered})
    assert (await socket.receive_json_from(WAIT_S))["kind"] == "missed"
    await socket.disconnect()


async def test_only_watched_quotes_are_forwarded():
    socket = await connected(await database_sync_to_async(worlds.trader)())
    await socket.send_json_to({"action": "watch", "exchange": "binance", "symbol": "SOL/USDT"})
    await socket.send_json_to({"action": "watch", "exchange": "nowhere", "symbol": "SOL/USDT"})
    await socket.send_json_to(["nonsense"])
    assert await socket.receive_nothing()
    row = {"bid": "171.30", "ask": "171.34", "at": "2026-01-01T00:00:00+00:00"}
    quotes = {"type": "market.quotes", "exchange": "binance", "quotes": {"SOL/USDT": row, "BTC/USDT": row}}
    await get_channel_layer().group_send(market_group("binance"), quotes)
    message = await socket.receive_json_from(WAIT_S)
    assert message == {"kind": "quote", "payload": {"exchange": "binance", "symbol": "SOL/USDT", **row}}
    assert await socket.receive_nothing()
    await socket.disconnect()


async def test_a_socket_cannot_name_a_group():
    anna = await database_sync_to_async(worlds.trader)()
    eve = await database_sync_to_async(worlds.trader)("eve@example.org")
    socket = await connected(eve)
    for content in (
        {"action": "watch", "exchange": user_group(anna.pk), "symbol": "x"},
        {"group": user_group(anna.pk)},
    ):
        await socket.send_json_to(content)
    await get_channel_layer().group_send(user_group(anna.pk), event("order", id="1"))
    assert await socket.receive_nothing()
    await socket.disconnect()
