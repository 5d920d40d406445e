"""An unmodified ccxt reads the market and trades over REST."""

import asyncio
import itertools
from decimal import Decimal

import ccxt
import ccxt.async_support
import pytest

BTC = "BTC/USDT"


async def price_at(binance, part: float) -> float:
    ticker = await binance.fetch_ticker(BTC)
    return float(binance.price_to_precision(BTC, ticker["last"] * part))


async def test_markets_carry_the_filters(binance):
    assert len(binance.symbols) >= 32 and all(symbol.endswith("/USDT") for symbol in binance.symbols)
    market = binance.market("PEPE/USDT")
    assert market["precision"]["price"] == 1e-10 and market["precision"]["amount"] == 1
    assert market["limits"]["cost"]["min"] == 5 and market["limits"]["market"]["max"] > 0
    kinds = {row["filterType"] for row in market["info"]["filters"]}
    assert {"PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE", "PERCENT_PRICE_BY_SIDE", "NOTIONAL"} <= kinds
    assert {"MAX_NUM_ORDERS", "MAX_NUM_ALGO_ORDERS"} <= kinds


async def test_public_reads(binance):
    assert abs(await binance.fetch_time() - binance.milliseconds()) < 5000
    assert (await binance.fetch_status())["status"] == "ok"
    book = await binance.fetch_order_book(BTC, 20)
    assert len(book["bids"]) == 20 and book["bids"][0][0] < book["asks"][0][0]
    tickers = await binance.fetch_tickers()
    assert len(tickers) == len(binance.symbols)
    ticker = tickers[BTC]
    assert ticker["low"] <= ticker["last"] <= ticker["high"] and ticker["quoteVolume"] > 0
    assert set(await binance.fetch_bids_asks()) == set(await binance.fetch_last_prices()) == set(tickers)
    trades = await binance.fetch_trades(BTC, limit=10)
    later = await binance.fetch_trades(BTC, since=trades[0]["timestamp"], limit=3)
    assert [trade["id"] for trade in later] == [trade["id"] for trade in trades[:3]]
    recent = await binance.publicGetTrades({"symbol": "BTCUSDT", "limit": 2})
    assert len(recent) == 2 and recent[0]["id"] < recent[1]["id"]


@pytest.mark.parametrize("interval", ["1s", "1m", "3m", "5m", "15m", "30m", "1h", "4h", "1d"])
async def test_a_thousand_candles_of_every_interval(binance, interval):
    length = binance.parse_timeframe(interval) * 1000
    rows = await binance.fetch_ohlcv("MOTE/USDT", interval, limit=1000)
    assert len(rows) == 1000
    assert all(later[0] - earlier[0] == length for earlier, later in itertools.pairwise(rows))
    assert all(row[3] <= min(row[1], row[4]) <= max(row[1], row[4]) <= row[2] and row[5] > 0 for row in rows)
    part = await binance.fetch_ohlcv("MOTE/USDT", interval, since=rows[10][0], limit=5)
    assert part == rows[10:15]


async def test_candles_of_different_intervals_agree(binance):
    hours = await binance.fetch_ohlcv(BTC, "1h", limit=3)
    minutes = await binance.fetch_ohlcv(BTC, "1m", since=hours[1][0], limit=60)
    first, last = minutes[0], minutes[-1]
    whole = [max(row[2] for row in minutes), min(row[3] for row in minutes)]
    assert hours[1][1:5] == [first[1], *whole, last[4]]
    assert hours[1][5] == pytest.approx(sum(row[5] for row in minutes), rel=1e-12)


async def test_market_orders_move_money_exactly(binance, exchange_process, key):
    bought = await binance.create_order(BTC, "market", "buy", 0.01)
    assert bought["status"] == "closed" and bought["filled"] == 0.01
    await binance.create_market_buy_order_with_cost("ETH/USDT", 250)
    await binance.create_order(BTC, "market", "sell", 0.02)
    ledger = await exchange_process.ledger(key)
    total: dict[str, Decimal] = {}
    for entry in ledger["entries"]:
        if entry["asset"]:
            total[entry["asset"]] = total.get(entry["asset"], Decimal(0)) + Decimal(entry["amount"])
    balances = {row["asset"]: Decimal(row["free"]) + Decimal(row["locked"]) for row in ledger["balances"]}
    assert balances == total
    assert (await binance.fetch_balance())["USDT"]["free"] == float(balances["USDT"])
    mine = await binance.fetch_my_trades(BTC)
    assert [trade["id"] for trade in mine] == [
        str(fill["id"]) for fill in ledger["fills"] if fill["symbol"] == "BTCUSDT"
    ]
    assert mine[0]["fee"] == {"cost": 0.00001, "currency": "BTC"} and mine[0]["takerOrMaker"] == "taker"


async def test_the_life_of_a_limit_order(binance):
    price = await price_at(binance, 0.8)
    order = await binance.create_order(BTC, "limit", "buy", 0.01, price, {"clientOrderId": "life-1"})
    assert order["status"] == "open" and order["clientOrderId"] == "life-1"
    balance = await binance.fetch_balance()
    assert balance["USDT"]["used"] == pytest.approx(price * 0.01)
    assert [row["id"] for row in await binance.fetch_open_orders(BTC)] == [order["id"]]
    binance.options["warnOnFetchOpenOrdersWithoutSymbol"] = False
    assert len(await binance.fetch_open_orders()) == 1
    by_client = await binance.fetch_order(None, BTC, {"origClientOrderId": "life-1"})
    assert by_client["id"] == order["id"] == (await binance.fetch_order(order["id"], BTC))["id"]
    with pytest.raises(ccxt.InvalidOrder, match=r"Duplicate order sent\."):
        await binance.create_order(BTC, "limit", "buy", 0.01, price, {"clientOrderId": "life-1"})
    canceled = await binance.cancel_order(None, BTC, {"origClientOrderId": "life-1"})
    assert canceled["status"] == "canceled"
    assert (await binance.fetch_balance())["USDT"]["used"] == 0
    assert [row["status"] for row in await binance.fetch_orders(BTC)] == ["canceled"]


async def test_edit_and_cancel_all(binance):
    price = await price_at(binance, 0.8)
    order = await binance.create_order(BTC, "limit", "buy", 0.01, price)
    edited = await binance.edit_order(order["id"], BTC, "limit", "buy", 0.02, price)
    assert edited["amount"] == 0.02 and edited["id"] != order["id"]
    with pytest.raises(ccxt.BaseError, match="-2022"):
        await binance.edit_order(order["id"], BTC, "limit", "buy", 0.02, price)
    assert [row["status"] for row in await binance.cancel_all_orders(BTC)] == ["canceled"]
    with pytest.raises(ccxt.OrderNotFound):
        await binance.cancel_all_orders(BTC)


async def test_post_only_fok_and_stops(binance):
    high, low = await price_at(binance, 1.05), await price_at(binance, 0.9)
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        await binance.create_order(BTC, "limit", "buy", 0.01, high, {"postOnly": True})
    resting = await binance.create_order(BTC, "limit", "buy", 0.01, low, {"postOnly": True})
    assert resting["info"]["type"] == "LIMIT_MAKER"
    taken = await binance.create_order(BTC, "limit", "buy", 0.01, high, {"timeInForce": "IOC"})
    assert taken["status"] == "closed" and taken["average"] < high
    refused = await binance.create_order(BTC, "limit", "sell", 0.5, high, {"timeInForce": "FOK"})
    assert refused["status"] == "expired" and refused["filled"] == 0
    stop = await binance.create_order(BTC, "limit", "sell", 0.01, low, {"stopLossPrice": low})
    profit = await binance.create_order(BTC, "limit", "sell", 0.01, high, {"takeProfitPrice": high})
    market = await binance.create_order(BTC, "market", "sell", 0.01, None, {"stopLossPrice": low})
    found = {row["id"]: row["info"] for row in await binance.fetch_open_orders(BTC)}
    kinds = [found[order["id"]]["type"] for order in (stop, profit, market)]
    assert kinds == ["STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT", "STOP_LOSS"]
    assert not any(found[order["id"]]["isWorking"] for order in (stop, profit, market))


@pytest.mark.parametrize("old", [True, False])
async def test_oco_through_both_endpoints(binance, old):
    above = binance.price_to_precision(BTC, await price_at(binance, 1.1))
    below = binance.price_to_precision(BTC, await price_at(binance, 0.9))
    shared = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.1", "listClientOrderId": f"list-{old}"}
    if old:
        prices = {"price": above, "stopPrice": below, "stopLimitPrice": below, "stopLimitTimeInForce": "GTC"}
        made = await binance.privatePostOrderOco(shared | prices)
    else:
        legs = {"aboveType": "LIMIT_MAKER", "abovePrice": above, "belowType": "STOP_LOSS", "belowStopPrice": below}
        made = await binance.privatePostOrderListOco(shared | legs)
    assert made["listOrderStatus"] == "EXECUTING" and len(made["orderReports"]) == 2
    balance = await binance.fetch_balance()
    assert balance["BTC"]["used"] == 0.1  # one reserve for both legs
    asked = await binance.privateGetOrderList({"orderListId": made["orderListId"]})
    assert asked["orders"] == made["orders"]
    assert len(await binance.privateGetOpenOrderList()) == 1
    await binance.privateDeleteOrderList({"symbol": "BTCUSDT", "orderListId": made["orderListId"]})
    assert (await binance.fetch_balance())["BTC"]["used"] == 0
    assert (await binance.privateGetAllOrderList())[0]["listOrderStatus"] == "ALL_DONE"


async def test_fees_restrictions_and_test_orders(binance, connect, exchange_process):
    assert (await binance.fetch_trading_fee(BTC))["taker"] == 0.001
    assert len(await binance.fetch_trading_fees()) == len(binance.symbols)
    tested = await binance.create_order(BTC, "market", "buy", 0.01, None, {"test": True})
    assert tested["info"] == {}
    assert not await binance.fetch_orders(BTC)
    open_key = await binance.sapiGetAccountApiRestrictions()
    assert open_key["enableSpotAndMarginTrading"] and not open_key["enableWithdrawals"]
    risky = connect(exchange_process.account("withdrawing-key", ("spot", "read", "withdraw")))
    assert (await risky.sapiGetAccountApiRestrictions())["enableWithdrawals"]


async def test_the_plain_async_client_works_too(connect, key):
    plain = connect(key, ccxt.async_support.binance)
    await plain.load_markets()
    orders = [plain.create_order(BTC, "market", "buy", 0.001) for _ in range(5)]
    assert len({order["id"] for order in await asyncio.gather(*orders)}) == 5
