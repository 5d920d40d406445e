"""An unmodified ccxt.pro listens: market streams, the user's stream, orders over the websocket API."""

import asyncio
from decimal import Decimal

import aiohttp
import ccxt
import pytest

BTC = "BTC/USDT"


async def test_live_candles_become_history_unchanged(binance):
    closed = {}
    while len(closed) < 4:
        for row in await binance.watch_ohlcv(BTC, "1s"):
            closed[row[0]] = list(row)
    closed.pop(max(closed))  # still running
    history = {row[0]: row for row in await binance.fetch_ohlcv(BTC, "1s", since=min(closed), limit=10)}
    assert all(history[start] == row for start, row in closed.items())


async def test_live_trades_become_history_unchanged(binance):
    live = (await binance.watch_trades(BTC))[-1]
    history = await binance.fetch_trades(BTC, since=live["timestamp"], limit=1)
    assert (history[0]["price"], history[0]["amount"]) == (live["price"], live["amount"])
    assert (history[0]["id"], history[0]["side"]) == (live["id"], live["side"])


async def test_the_streamed_book_is_the_served_book(binance, exchange_process):
    for _ in range(4):
        book = await binance.watch_order_book(BTC)
    for _ in range(20):  # until a snapshot of the same number is caught
        served = await binance.fetch_order_book(BTC, 100)
        if served["nonce"] == book["nonce"]:
            break
        book = await binance.watch_order_book(BTC)
    assert served["nonce"] == book["nonce"]
    assert [row[:2] for row in book["bids"]] == served["bids"]
    assert [row[:2] for row in book["asks"]] == served["asks"]


async def test_tickers_and_best_prices_stream(binance):
    assert (await binance.watch_ticker(BTC))["last"] > 0
    assert len(await binance.watch_tickers()) == len(binance.symbols)
    quotes = await binance.watch_bids_asks([BTC])
    assert quotes[BTC]["bid"] < quotes[BTC]["ask"]
    many = await binance.watch_ohlcv_for_symbols([[BTC, "1m"], ["ETH/USDT", "1m"]])
    assert set(many) <= {BTC, "ETH/USDT"}
    await binance.un_watch_ticker(BTC)


async def test_the_user_stream_tells_orders_trades_and_balances(binance):
    watching = [asyncio.create_task(watch()) for watch in (binance.watch_balance, binance.watch_my_trades)]
    orders = asyncio.create_task(binance.watch_orders())
    await asyncio.sleep(0.5)
    placed = await binance.create_order(BTC, "market", "buy", 0.01)
    balance, trades = await asyncio.wait_for(asyncio.gather(*watching), 10)
    assert balance["BTC"]["free"] == 1.00999
    assert trades[-1]["order"] == placed["id"] and trades[-1]["fee"]["currency"] == "BTC"
    seen = await asyncio.wait_for(orders, 10)
    assert seen[-1]["id"] == placed["id"]
    price = binance.price_to_precision(BTC, placed["average"] * 0.8)
    resting = await binance.create_order(BTC, "limit", "buy", 0.01, float(price))
    assert (await binance.watch_orders())[-1]["status"] == "open"
    await binance.cancel_order(resting["id"], BTC)
    assert (await binance.watch_orders())[-1]["status"] == "canceled"


async def test_orders_over_the_websocket_api(binance):
    price = float(binance.price_to_precision(BTC, (await binance.fetch_ticker(BTC))["last"] * 0.8))
    order = await binance.create_order_ws(BTC, "limit", "buy", 0.01, price)
    assert [row["id"] for row in await binance.fetch_open_orders_ws(BTC)] == [order["id"]]
    assert (await binance.fetch_order_ws(order["id"], BTC))["status"] == "open"
    assert (await binance.cancel_order_ws(order["id"], BTC))["status"] == "canceled"
    with pytest.raises(ccxt.InsufficientFunds):
        await binance.create_order_ws(BTC, "limit", "buy", 10, price)
    balances = (await binance.fetch_balance_ws())["info"]["balances"]  # ccxt itself reads only futures here
    assert {"asset": "USDT", "free": "100000.00000000", "locked": "0.00000000"} in balances
    assert len(await binance.fetch_ohlcv_ws(BTC, "1m", limit=3)) == 3
    assert await binance.fetch_my_trades_ws(BTC) == []


async def events_until(socket: aiohttp.ClientWebSocketResponse, name: str) -> list[dict]:
    """The socket's messages up to the first event of that name."""
    seen = []
    while not seen or seen[-1].get("e") != name:
        seen.append(await asyncio.wait_for(socket.receive_json(), 10))
    return seen


async def test_listen_keys_carry_the_same_events(binance, exchange_process):
    listen_key = (await binance.publicPostUserDataStream())["listenKey"]
    await binance.publicPutUserDataStream({"listenKey": listen_key})
    address = exchange_process.url.replace("http", "ws")
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{address}/ws/{listen_key}") as socket:
        order = await binance.create_order(BTC, "market", "buy", 0.01)
        events = await events_until(socket, "outboundAccountPosition")
        assert [event.get("x") for event in events] == ["NEW", "TRADE", None]
        trade = events[1]
        assert (str(trade["i"]), trade["X"], trade["N"], trade["m"]) == (order["id"], "FILLED", "BTC", False)
        assert Decimal(trade["n"]) == Decimal("0.00001") and trade["t"] > 0
        with pytest.raises(ccxt.InsufficientFunds):
            await binance.create_order(BTC, "market", "buy", 5)
        rejected = (await events_until(socket, "executionReport"))[-1]
        assert (rejected["x"], rejected["X"]) == ("REJECTED", "REJECTED")
        price = binance.price_to_precision(BTC, order["average"] * 1.1)
        stop = binance.price_to_precision(BTC, order["average"] * 0.9)
        await binance.privatePostOrderOco(
            {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.1", "price": price, "stopPrice": stop}
        )
        listed = (await events_until(socket, "listStatus"))[-1]
        assert (listed["l"], len(listed["O"])) == ("EXEC_STARTED", 2)
        await binance.cancel_all_orders(BTC)
        ended = await events_until(socket, "listStatus")
        assert [event["X"] for event in ended if event.get("x") == "CANCELED"] == ["CANCELED", "CANCELED"]
        assert ended[-1]["l"] == "ALL_DONE"
    await binance.publicDeleteUserDataStream({"listenKey": listen_key})
    with pytest.raises(ccxt.BaseError, match="-1125"):
        await binance.publicPutUserDataStream({"listenKey": listen_key})


async def test_raw_streams_of_every_kind(exchange_process):
    address = exchange_process.url.replace("http", "ws")
    names = ["btcusdt@aggTrade", "btcusdt@depth5", "ethusdt@kline_1m", "!miniTicker@arr", "!ticker@arr"]
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(f"{address}/stream?streams={'/'.join(names)}") as socket:
            seen = set()
            while seen != set(names):
                message = await asyncio.wait_for(socket.receive_json(), 10)
                seen.add(message["stream"])
                assert message["data"]
        async with session.ws_connect(f"{address}/ws") as socket:
            await socket.send_json({"method": "SUBSCRIBE", "params": ["nope@trade"], "id": 1})
            assert (await socket.receive_json())["error"]["code"] == 2
            await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@depth"], "id": 2})
            assert await socket.receive_json() == {"result": None, "id": 2}
            await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 3})
            answer = await socket.receive_json()
            assert answer == {"result": ["btcusdt@depth"], "id": 3}
            first = (await events_until(socket, "depthUpdate"))[-1]
            second = (await events_until(socket, "depthUpdate"))[-1]
            assert second["U"] == first["u"] + 1
            await socket.send_str("not json")
