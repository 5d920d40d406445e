"""Fault scripts: whom they hit, that what came before acceptance left no order and what came after it exactly one."""

import asyncio

import aiohttp
import ccxt.async_support
import pytest

from tests.practice.scripted import ADMIN, KEY
from trading.practice.faults import EVENTS, KINDS, FaultRefused, fault_of

ORDER = "order$"
NOT_ACCEPTED = sorted(
    {name for name in KINDS if name.endswith("_before") and name != "slow_before"}
    | {"overloaded_1008", "clock_1021", "rate_limited_429", "banned_418", "key_revoked"}
)
ACCEPTED = sorted(set(KINDS) - set(NOT_ACCEPTED))


@pytest.mark.parametrize("kind", NOT_ACCEPTED)
async def test_before_acceptance_nothing_has_happened(scripted, kind):
    scripted.script({"kind": kind, "path": ORDER, "method": "POST", "seconds": 1})
    answer = await scripted.buy("first")
    assert answer is None or answer.get("id") is None
    assert scripted.orders == []


@pytest.mark.parametrize("kind", ACCEPTED)
async def test_after_acceptance_the_order_is_live_once(scripted, kind):
    scripted.script({"kind": kind, "path": ORDER, "method": "POST", "seconds": 0.6})
    await scripted.buy("first")
    scripted.script()
    if kind == "slow_before":  # the client has gone; what it sent arrives all the same
        assert scripted.orders == []
        async with asyncio.timeout(10):
            while not scripted.orders:
                await asyncio.sleep(0.05)
    assert scripted.orders == ["first"]
    assert await scripted.buy("second") is not None
    assert scripted.orders == ["first", "second"]


async def test_an_order_that_the_exchange_refuses_by_itself_is_refused(scripted):
    scripted.script({"kind": "reset_after", "path": ORDER})
    with pytest.raises(ccxt.InvalidOrder):
        await scripted.ccxt.create_order("AAA/USDT", "limit", "buy", 0.01, 1, {})
    assert scripted.orders == []


async def test_it_hits_only_what_it_names(scripted):
    scripted.script({"kind": "reset_before", "path": ORDER, "symbol": "ZZZUSDT", "count": None})
    assert await scripted.buy("other") is not None
    scripted.script({"kind": "reset_before", "path": ORDER, "key": "somebody-else", "count": None})
    assert await scripted.buy("mine") is not None
    scripted.script({"kind": "reset_before", "path": "openOrders"}, {"kind": "reset_before", "method": "DELETE"})
    assert await scripted.buy("third") is not None
    scripted.script({"kind": "reset_before", "path": ORDER, "skip": 1, "count": 1})
    assert [await scripted.buy(name) is not None for name in ("a", "b", "c")] == [True, False, True]


async def test_the_same_seed_gives_the_same_faults(scripted):
    patterns = []
    for seed in (5, 5, 6):
        scripted.script({"kind": "http_503_before", "path": ORDER, "count": None, "probability": 0.5}, seed=seed)
        patterns.append([await scripted.buy(f"s{len(patterns)}-{n}") is not None for n in range(12)])
    assert patterns[0] == patterns[1] != patterns[2]
    assert 0 < sum(patterns[0]) < 12


async def test_a_ban_refuses_everything_and_counts_it(scripted):
    scripted.script({"kind": "banned_418", "seconds": 30})
    with pytest.raises(ccxt.DDoSProtection):
        await scripted.ccxt.fetch_time()
    for _ in range(3):
        with pytest.raises(ccxt.DDoSProtection):
            await scripted.ccxt.fetch_time()
    assert scripted.server.faults.told()["during_ban"] == 3


@pytest.mark.parametrize(
    ("kind", "times"), [("event_lost", 0), ("event_twice", 2), ("event_late", 1), ("events_shuffled", 1)]
)
async def test_events_of_an_account(scripted, kind, times):
    scripted.script({"kind": kind, "key": KEY, "seconds": 0.5, "count": None})
    found = scripted.server.faults.event_times(scripted.account.id, {"e": "executionReport", "s": "AAAUSDT"})
    assert len(found) == times and all(0.0 <= one <= 0.5 for one in found)
    scripted.script({"kind": kind, "key": KEY, "symbol": "ZZZUSDT"})
    assert scripted.server.faults.event_times(scripted.account.id, {"s": "AAAUSDT"}) == [0.0]


async def test_over_the_admin_endpoint(scripted):
    async with aiohttp.ClientSession(scripted.url, headers=ADMIN) as session:
        script = {"faults": [{"kind": "unknown_1000_after", "path": ORDER}], "seed": 3}
        async with session.put("/practice/admin/faults", json=script) as answer:
            assert answer.status == 200
        assert await scripted.buy("one") is None
        async with session.get("/practice/admin/faults") as answer:
            (told,) = (await answer.json())["faults"]
            assert (told["kind"], told["hits"]) == ("unknown_1000_after", 1)
        for wrong in ({"faults": [{"kind": "nothing"}]}, {"faults": 3}, {"seed": "x"}, []):
            async with session.put("/practice/admin/faults", json=wrong) as answer:
                assert answer.status == 400 and (await answer.json())["msg"]
        async with session.get("/practice/admin/faults") as answer:
            assert len((await answer.json())["faults"]) == 1, "a refused script changes nothing"
    async with aiohttp.ClientSession(scripted.url) as session, session.put("/practice/admin/faults", json={}) as answer:
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
