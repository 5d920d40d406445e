"""Every refusal carries Binance's own code and status."""

import time
import urllib.error
import urllib.request
from typing import Any

import aiohttp
import ccxt
import pytest

from tests.practice.clients import TOKEN
from trading.practice.errors import ApiError
from trading.practice.limits import BAN_MS, MINUTE, OrderMeter, WeightMeter

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}


@pytest.fixture
async def price(binance) -> str:
    return binance.price_to_precision("BTC/USDT", (await binance.fetch_ticker("BTC/USDT"))["last"] * 0.9)


CASES = [
    (-1121, {"symbol": "NOPEUSDT"}),
    (-1117, {"side": "LEFT"}),
    (-1116, {"type": "ICEBERG"}),
    (-1115, {"timeInForce": "SOON"}),
    (-1102, {"quantity": None}),
    (-1102, {"price": None}),
    (-1102, {"timeInForce": None}),
    (-1102, {"type": "STOP_LOSS_LIMIT"}),
    (-1106, {"type": "LIMIT_MAKER", "timeInForce": "IOC"}),
    (-1130, {"quantity": "many"}),
    (-1130, {"quantity": "-1"}),
    (-1100, {"newClientOrderId": "not allowed!"}),
    ("LOT_SIZE", {"quantity": "0.010000001"}),
    ("LOT_SIZE", {"quantity": "0.000001"}),
    ("PRICE_FILTER", {"price": "90000.00001"}),
    ("PERCENT_PRICE_BY_SIDE", {"price": "100.0"}),
    ("NOTIONAL", {"quantity": "0.00002"}),
    (-2010, {"quantity": "50"}),
]


@pytest.mark.parametrize(("expected", "change"), CASES, ids=[str(case) for case in CASES])
async def test_a_bad_order_is_refused(binance, price, expected, change):
    wanted = {name: value for name, value in (ORDER | {"price": price} | change).items() if value is not None}
    code = expected if isinstance(expected, int) else -1013
    with pytest.raises(ccxt.BaseError) as refusal:
        await binance.privatePostOrder(wanted)
    text = binance.last_http_response
    assert f'"code":{code}' in text
    assert isinstance(expected, int) or f"Filter failure: {expected}" in text, refusal.value
    assert not await binance.fetch_orders("BTC/USDT")


async def test_unknown_orders(binance):
    with pytest.raises(ccxt.OrderNotFound, match="-2013"):
        await binance.fetch_order("987654321", "BTC/USDT")
    with pytest.raises(ccxt.OrderNotFound, match="-2011"):
        await binance.cancel_order("987654321", "BTC/USDT")
    with pytest.raises(ccxt.BaseError, match="-1102"):
        await binance.privateGetOrder({"symbol": "BTCUSDT"})
    with pytest.raises(ccxt.BaseError, match="-1120"):
        await binance.publicGetKlines({"symbol": "BTCUSDT", "interval": "7m"})


async def test_too_many_open_stops(binance, price):
    stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.01", "stopPrice": price}
    for _ in range(5):
        await binance.privatePostOrder(stop)
    with pytest.raises(ccxt.BaseError, match="MAX_NUM_ALGO_ORDERS"):
        await binance.privatePostOrder(stop)


async def test_keys_signatures_and_clocks(connect, key, exchange_process):
    with pytest.raises(ccxt.AuthenticationError, match="-2015"):
        await connect("unknown-key").fetch_balance()
    with pytest.raises(ccxt.AuthenticationError, match="-2014"):
        await connect("short").fetch_balance()
    with pytest.raises(ccxt.AuthenticationError, match="-1022"):
        await connect(key, secret="wrong").fetch_balance()
    late = {"timestamp": int(time.time() * 1000) - 6000, "recvWindow": 5000}
    with pytest.raises(ccxt.InvalidNonce, match="-1021"):
        await connect(key).privateGetAccount(late)
    with pytest.raises(ccxt.InvalidNonce, match="-1021"):
        await connect(key).privateGetAccount({"timestamp": int(time.time() * 1000) + 60_000})
    reader = connect(exchange_process.account("reading-key", ("read",), USDT="100"))
    await reader.load_markets()
    assert (await reader.fetch_balance())["USDT"]["free"] == 100
    # not an AuthenticationError: after one success ccxt takes -2015 for a passing ban
    with pytest.raises(ccxt.BaseError, match="-2015"):
        await reader.create_order("BTC/USDT", "market", "buy", 0.0005)


async def test_statuses_and_weights_are_in_the_answer(exchange_process):
    async with aiohttp.ClientSession(exchange_process.url) as session:
        async with session.get("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1") as answer:
            used = int(answer.headers["X-MBX-USED-WEIGHT-1M"])
        async with session.get("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1") as answer:
            assert int(answer.headers["X-MBX-USED-WEIGHT-1M"]) in (used + 2, 2)
        async with session.get("/api/v3/account") as answer:
            assert answer.status == 401 and (await answer.json())["code"] == -2014
        async with session.get("/api/v3/nothing") as answer:
            assert answer.status == 404
        async with session.get("/practice/health") as answer:
            assert (await answer.json())["status"] == "ok"


def refusal(action: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        action()
    return caught.value


def test_too_much_weight_is_429_and_then_418():
    meter, now = WeightMeter(100), MINUTE * 1000
    meter.add("here", 100, now)
    meter.add("elsewhere", 100, now)
    error = refusal(lambda: meter.add("here", 1, now + 30_000))
    assert (error.status, error.code, error.headers) == (429, -1003, {"Retry-After": "30"})
    while error.status == 429:
        error = refusal(lambda: meter.add("here", 1, now + 30_000))
    assert (error.status, error.code, error.headers["Retry-After"]) == (418, -1003, str(BAN_MS // 1000))
    assert refusal(lambda: meter.add("here", 1, now + MINUTE)).status == 418
    meter.add("here", 1, now + 30_000 + BAN_MS)


def test_too_many_orders_in_ten_seconds():
    meter = OrderMeter(3)
    assert [meter.add(1, now)["X-MBX-ORDER-COUNT-10S"] for now in (0, 1, 2)] == ["1", "2", "3"]
    error = refusal(lambda: meter.add(1, 3))
    assert (error.status, error.code) == (429, -1015)
    assert meter.add(2, 3) and meter.add(1, 10_000)


def test_admin_needs_its_token(exchange_process):
    for headers in ({}, {"X-Practice-Admin": TOKEN + "x"}):
        request = urllib.request.Request(f"{exchange_process.url}/practice/admin/ledger?key=a", headers=headers)
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(request, timeout=5)
