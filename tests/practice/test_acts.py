"""What happens beside the platform's requests: money, keys, hands, sockets and markets."""

from decimal import Decimal

import aiohttp
import ccxt
import pytest

from tests.practice.scripted import ADMIN, KEY
from trading.practice.acts import ACTS, ActRefused, Stage
from trading.practice.orders import Entry, Order


@pytest.fixture
def act(scripted):
    stage = Stage(scripted.server.exchange, scripted.server.hub)
    return lambda name, **more: stage.act({"act": name, **more})


def entries(scripted) -> list[tuple[str, Decimal]]:
    return [
        (one.kind, one.amount) for one in scripted.server.exchange.store.select(Entry, "kind != 'order' ORDER BY id")
    ]


async def test_money_comes_and_goes_and_is_in_the_ledger(scripted, act):
    act("deposit", key=KEY, asset="AAA", amount="2")
    act("withdraw", key=KEY, asset="USDT", amount="250")
    assert entries(scripted)[-2:] == [("deposit", Decimal(2)), ("withdrawal", Decimal(-250))]
    balance = await scripted.ccxt.fetch_balance({"recvWindow": 60_000})
    assert (balance["AAA"]["free"], balance["USDT"]["free"]) == (2.0, 999_750.0)
    with pytest.raises(ActRefused, match="Only"):
        act("withdraw", key=KEY, asset="USDT", amount="1e12")


async def test_a_revoked_key_is_refused_until_it_is_restored(scripted, act):
    act("key_revoke", key=KEY)
    with pytest.raises(ccxt.AuthenticationError):
        await scripted.ccxt.fetch_balance({"recvWindow": 60_000})
    act("key_restore", key=KEY)
    assert await scripted.buy("again") is not None


async def test_the_owner_trades_by_hand(scripted, act):
    order = {
        "symbol": "AAAUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01",
        "price": "10000",
    }
    made = act("order_by_hand", key=KEY, order=order)
    assert [one.id for one in scripted.server.exchange.store.select(Order, "1")] == [made["orderId"]]
    cancelled = act("cancel_by_hand", key=KEY, order={"symbol": "AAAUSDT", "orderId": str(made["orderId"])})
    assert cancelled["status"] == "CANCELED"
    with pytest.raises(ActRefused, match="NOTIONAL"):
        act("order_by_hand", key=KEY, order={**order, "quantity": "0.0001"})


async def test_a_pair_halts_and_trades_again(scripted, act):
    act("symbol_status", symbol="AAAUSDT", status="BREAK")
    assert await scripted.buy("closed") is None and scripted.orders == []
    markets = await scripted.ccxt.load_markets(True)
    assert not markets["AAA/USDT"]["active"]
    act("symbol_status", symbol="AAAUSDT", status="TRADING")
    assert await scripted.buy("open") is not None


async def test_filters_change(scripted, act):
    act("filters_change", symbol="AAAUSDT", step="0.1", min_notional="50")
    assert await scripted.buy("small") is None and scripted.orders == []
    markets = await scripted.ccxt.load_markets(True)
    assert markets["AAA/USDT"]["precision"]["amount"] == 0.1 and markets["AAA/USDT"]["limits"]["cost"]["min"] == 50


async def test_a_spike_triggers_the_stops_that_wait_for_it(scripted, act):
    act("deposit", key=KEY, asset="AAA", amount="1")
    stop = {"symbol": "AAAUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.1", "stopPrice": "5000"}
    made = act("order_by_hand", key=KEY, order=stop)
    assert act("spike", key=KEY, symbol="AAAUSDT", price="5001") == {"triggered": 0}
    assert act("spike", key=KEY, symbol="AAAUSDT", price="5000") == {"triggered": 1}
    (order,) = scripted.server.exchange.store.select(Order, "1")
    assert (order.id, order.status, order.executed) == (made["orderId"], "FILLED", Decimal("0.1"))


async def test_a_spike_fills_a_part_of_what_rests_there(scripted, act):
    act("deposit", key=KEY, asset="AAA", amount="1")
    sale = {"symbol": "AAAUSDT", "side": "SELL", "type": "LIMIT_MAKER", "quantity": "0.1", "price": "90000"}
    act("order_by_hand", key=KEY, order=sale)
    act("spike", key=KEY, symbol="AAAUSDT", price="89999")
    act("spike", key=KEY, symbol="AAAUSDT", price="90001", amount="0.04")
    (order,) = scripted.server.exchange.store.select(Order, "1")
    assert (order.status, order.executed, order.cum_quote) == ("PARTIALLY_FILLED", Decimal("0.04"), 3600)


async def test_sockets_stall_and_close(scripted, act):
    async with aiohttp.ClientSession(scripted.url) as session, session.ws_connect("/stream") as socket:
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
        assert (await socket.receive_json(timeout=2))["id"] == 1
        assert act("sockets_stall", seconds=30) == {"stalled": 1}
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 2})
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.3)
        assert act("sockets_close") == {"closed": 1}
        assert (await socket.receive(timeout=2)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)


@pytest.mark.parametrize(
    "wrong",
    [
        {}, {"act": "nothing"}, {"act": "withdraw"}, {"act": "symbol_status", "symbol": "X", "status": "BREAK"},
        {"act": "deposit", "key": KEY, "asset": "AAA", "amount": "much"},
        {"act": "deposit", "key": "nobody", "asset": "AAA", "amount": "1"},
        {"act": "symbol_status", "symbol": "AAAUSDT", "status": "GONE"}, {"act": "filters_change", "symbol": "AAAUSDT"},
        {"act": "spike", "key": KEY, "symbol": "AAAUSDT", "price": "0"},
        {"act": "spike", "symbol": "AAAUSDT", "price": "1"},
        {"act": "spike", "key": KEY, "symbol": "AAAUSDT", "price": "1", "amount": "-1"},
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused(scripted, wrong):
    session = aiohttp.ClientSession(scripted.url, headers=ADMIN)
    async with session, session.post("/practice/admin/acts", json=wrong) as answer:
        assert answer.status == 400 and (await answer.json())["msg"]


def test_there_are_acts_enough():
    assert len(ACTS) >= 10
