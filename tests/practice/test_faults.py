"""Fault scripts: whom they hit, that what came before acceptance left no order and what came after it exactly one."""

import asyncio
from decimal import Decimal

import aiohttp
import ccxt.async_support
import pytest
from aiohttp import web

from tests.practice.clients import TOKEN, client
from tests.practice.markets import Clock, small_exchange
from trading.practice.faults import EVENTS, KINDS, FaultRefused, fault_of
from trading.practice.orders import Order
from trading.practice.server import Server

KEY, ORDER = "fault-key", "order$"
ADMIN = {"X-Practice-Admin": TOKEN}
NOT_ACCEPTED = sorted(
    {name for name in KINDS if name.endswith("_before") and name != "slow_before"}
    | {"overloaded_1008", "clock_1021", "rate_limited_429", "banned_418", "key_revoked"}
)
ACCEPTED = sorted(set(KINDS) - set(NOT_ACCEPTED))


class Served:
    """A practice exchange on a socket of this process, and an unmodified ccxt for it."""

    def __init__(self, server: Server, url: str) -> None:
        self.server, self.url = server, url
        self.account = server.exchange.account_put(
            KEY, KEY[::-1], frozenset({"spot", "read"}), {"USDT": Decimal(10**6)}
        )
        self.ccxt = client(ccxt.async_support.binance, url, KEY, timeout=400)

    def script(self, *faults, seed: int = 0) -> None:
        self.server.faults.set(list(faults), seed)

    async def buy(self, client_id: str, symbol: str = "AAA/USDT") -> dict | None:
        """A resting order; None where ccxt raised."""
        params = {"newClientOrderId": client_id, "recvWindow": 60_000}
        try:
            return await self.ccxt.create_order(symbol, "limit", "buy", 0.01, 10_000, params)
        except ccxt.BaseError:
            return None

    @property
    def orders(self) -> list[str]:
        return [order.client_id for order in self.server.exchange.store.select(Order, "1 ORDER BY id")]


@pytest.fixture
async def served(tmp_path):
    clock = Clock()
    server = Server(small_exchange(tmp_path / "state.sqlite3", clock), admin_token=TOKEN)
    runner = web.AppRunner(server.application(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made = Served(server, f"http://127.0.0.1:{runner.addresses[0][1]}")
    await made.ccxt.load_markets()
    made.ccxt.options["adjustForTimeDifference"] = True
    made.ccxt.nonce = lambda: clock.now
    yield made
    await made.ccxt.close()
    await server.hub.close()
    await runner.cleanup()


@pytest.mark.parametrize("kind", NOT_ACCEPTED)
async def test_before_acceptance_nothing_has_happened(served, kind):
    served.script({"kind": kind, "path": ORDER, "method": "POST", "seconds": 1})
    answer = await served.buy("first")
    assert answer is None or answer.get("id") is None
    assert served.orders == []


@pytest.mark.parametrize("kind", ACCEPTED)
async def test_after_acceptance_the_order_is_live_once(served, kind):
    served.script({"kind": kind, "path": ORDER, "method": "POST", "seconds": 0.6})
    await served.buy("first")
    served.script()
    if kind == "slow_before":  # the client has gone; what it sent arrives all the same
        assert served.orders == []
        await asyncio.sleep(0.5)
    assert served.orders == ["first"]
    assert await served.buy("second") is not None
    assert served.orders == ["first", "second"]


async def test_an_order_that_the_exchange_refuses_by_itself_is_refused(served):
    served.script({"kind": "reset_after", "path": ORDER})
    with pytest.raises(ccxt.InvalidOrder):
        await served.ccxt.create_order("AAA/USDT", "limit", "buy", 0.01, 1, {})
    assert served.orders == []


async def test_it_hits_only_what_it_names(served):
    served.script({"kind": "reset_before", "path": ORDER, "symbol": "ZZZUSDT", "count": None})
    assert await served.buy("other") is not None
    served.script({"kind": "reset_before", "path": ORDER, "key": "somebody-else", "count": None})
    assert await served.buy("mine") is not None
    served.script({"kind": "reset_before", "path": "openOrders"}, {"kind": "reset_before", "method": "DELETE"})
    assert await served.buy("third") is not None
    served.script({"kind": "reset_before", "path": ORDER, "skip": 1, "count": 1})
    assert [await served.buy(name) is not None for name in ("a", "b", "c")] == [True, False, True]


async def test_the_same_seed_gives_the_same_faults(served):
    patterns = []
    for seed in (5, 5, 6):
        served.script({"kind": "http_503_before", "path": ORDER, "count": None, "probability": 0.5}, seed=seed)
        patterns.append([await served.buy(f"s{len(patterns)}-{n}") is not None for n in range(12)])
    assert patterns[0] == patterns[1] != patterns[2]
    assert 0 < sum(patterns[0]) < 12


async def test_a_ban_refuses_everything_and_counts_it(served):
    served.script({"kind": "banned_418", "seconds": 30})
    with pytest.raises(ccxt.DDoSProtection):
        await served.ccxt.fetch_time()
    for _ in range(3):
        with pytest.raises(ccxt.DDoSProtection):
            await served.ccxt.fetch_time()
    assert served.server.faults.told()["during_ban"] == 3


@pytest.mark.parametrize(
    ("kind", "times"), [("event_lost", 0), ("event_twice", 2), ("event_late", 1), ("events_shuffled", 1)]
)
async def test_events_of_an_account(served, kind, times):
    served.script({"kind": kind, "key": KEY, "seconds": 0.5, "count": None})
    found = served.server.faults.event_times(served.account.id, {"e": "executionReport", "s": "AAAUSDT"})
    assert len(found) == times and all(0.0 <= one <= 0.5 for one in found)
    served.script({"kind": kind, "key": KEY, "symbol": "ZZZUSDT"})
    assert served.server.faults.event_times(served.account.id, {"s": "AAAUSDT"}) == [0.0]


async def test_over_the_admin_endpoint(served):
    async with aiohttp.ClientSession(served.url, headers=ADMIN) as session:
        script = {"faults": [{"kind": "unknown_1000_after", "path": ORDER}], "seed": 3}
        async with session.put("/practice/admin/faults", json=script) as answer:
            assert answer.status == 200
        assert await served.buy("one") is None
        async with session.get("/practice/admin/faults") as answer:
            (told,) = (await answer.json())["faults"]
            assert (told["kind"], told["hits"]) == ("unknown_1000_after", 1)
        for wrong in ({"faults": [{"kind": "nothing"}]}, {"faults": 3}, {"seed": "x"}, []):
            async with session.put("/practice/admin/faults", json=wrong) as answer:
                assert answer.status == 400 and (await answer.json())["msg"]
        async with session.get("/practice/admin/faults") as answer:
            assert len((await answer.json())["faults"]) == 1, "a refused script changes nothing"
    async with aiohttp.ClientSession(served.url) as session, session.put("/practice/admin/faults", json={}) as answer:
        assert answer.status == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "reset_before", "path": "("}, {"kind": "reset_before", "probability": 2}, "reset_before", None,
        {"kind": "reset_before", "x": 1}, {"kind": "reset_before", "skip": -1}, {"kind": "slow_before", "path": 3},
        {"kind": "slow_before", "seconds": 1e9},
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(FaultRefused):
        fault_of(wrong)


def test_there_are_kinds_enough():
    assert len(KINDS) + len(EVENTS) >= 36
