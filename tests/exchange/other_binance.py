"""Another server that speaks the Binance spot protocol, written without looking at ours: a second opinion.

`python -m tests.exchange.other_server --port 9514 --fees bnb` runs it alone. GET /ledger is what it says happened,
POST /control tells it to misbehave: {"fault": "502", "count": 1}, {"restart": 3}, {"break": "SOLUSDT"}, {"move": 0.02}.
Faults: slow (3 s), html, and on orders only, after they were accepted: 502, timeout, empty, reset.
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
import math
import random
import time
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_UP, Decimal

from tests.exchange import other_lists
from tests.exchange.refusals import Refusal

D = Decimal
MINUTE, EIGHT = 60_000, D("1e-8")
# id: base, quote, price, tick, lot, smallest value
PAIRS = {
    "BTCUSDT": ("BTC", "USDT", "64250.35", "0.05", "0.0001", "10"),
    "ETHUSDT": ("ETH", "USDT", "3120.4", "0.1", "0.001", "10"),
    "SOLUSDT": ("SOL", "USDT", "148.75", "0.025", "0.02", "6"),
    "BNBUSDT": ("BNB", "USDT", "583.2", "0.2", "0.005", "6"),
    "ADAUSDT": ("ADA", "USDT", "0.4512", "0.0002", "1", "5"),
    "DOGEUSDT": ("DOGE", "USDT", "0.12345", "0.00001", "5", "5"),
    "PEPEUSDT": ("PEPE", "USDT", "0.00001234", "0.00000001", "100", "5"),
    "ETHBTC": ("ETH", "BTC", "0.04856", "0.00002", "0.001", "0.0002"),
    "LUNAUSDT": ("LUNA", "USDT", "0.5", "0.0001", "0.1", "5"),
}


def floor(value, step):
    return (value / step).to_integral_value(ROUND_DOWN) * step


def text(value):
    return f"{value.quantize(EIGHT):f}"


@dataclass
class Market:
    """One pair: a random walk with regimes, its minute candles and its last executions."""

    id: str
    base: str
    quote: str
    price: Decimal
    tick: Decimal
    lot: Decimal
    smallest: Decimal
    status: str = "TRADING"
    drift: float = 0.0
    candles: list = field(default_factory=list)  # [open ms, o, h, l, c, base volume, trades]

    @property
    def bid(self):
        return floor(self.price, self.tick)

    @property
    def ask(self):
        return self.bid + max(self.tick, (self.bid * D("0.0004") / self.tick).to_integral_value(ROUND_UP) * self.tick)

    def step(self, now_ms, rng, minutes, volatility):
        if rng.random() < minutes / 6:
            self.drift = rng.gauss(0.0, 0.6) * volatility
        move = self.drift * minutes + rng.gauss(0.0, volatility * math.sqrt(minutes))
        self.price = max(self.tick * 40, self.price * D(repr(round(math.exp(move), 9))))
        self.price = self.price.quantize(D("1e-12"))
        opened, shown = now_ms // MINUTE * MINUTE, self.bid
        if not self.candles or self.candles[-1][0] != opened:
            first = self.candles[-1][4] if self.candles else shown
            self.candles.append([opened, first, first, first, first, D(0), 0])
        row = self.candles[-1]
        row[2], row[3], row[4] = max(row[2], shown), min(row[3], shown), shown
        row[5] += floor(D(rng.randint(20, 400)) * 1000 / self.price * D(repr(minutes)), self.lot) + self.lot
        row[6] += 3

    def kline(self, row):
        o, h, low, c, volume, trades = row[1:]
        half = text(volume / 2)
        return [row[0], text(o), text(h), text(low), text(c), text(volume), row[0] + MINUTE - 1, text(volume * c),
                trades, half, text(volume * c / 2), "0"]  # fmt: skip

    def info(self):
        filters = [
            {"filterType": "PRICE_FILTER", "minPrice": text(self.tick), "maxPrice": "1000000",
             "tickSize": text(self.tick)},
            {"filterType": "LOT_SIZE", "minQty": text(self.lot), "maxQty": "90000000", "stepSize": text(self.lot)},
            {"filterType": "NOTIONAL", "minNotional": text(self.smallest), "applyMinToMarket": True,
             "maxNotional": "9000000", "applyMaxToMarket": False, "avgPriceMins": 5},
        ]  # fmt: skip
        return {"symbol": self.id, "status": self.status, "baseAsset": self.base, "quoteAsset": self.quote,
                "baseAssetPrecision": 8, "quotePrecision": 8, "quoteAssetPrecision": 8, "filters": filters,
                "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"], "isSpotTradingAllowed": True, "permissions": [],
                "isMarginTradingAllowed": False, "permissionSets": [["SPOT"]], "ocoAllowed": True}  # fmt: skip

    def book(self):
        return {"symbol": self.id, "bidPrice": text(self.bid), "bidQty": text(self.lot * 5000),
                "askPrice": text(self.ask), "askQty": text(self.lot * 4000)}  # fmt: skip

    def day(self):
        rows = self.candles[-1440:]
        volume = sum(row[5] for row in rows)
        return self.book() | {
            "lastPrice": text(self.bid), "openPrice": text(rows[0][1]), "highPrice": text(max(row[2] for row in rows)),
            "lowPrice": text(min(row[3] for row in rows)), "volume": text(volume), "prevClosePrice": text(rows[0][1]),
            "quoteVolume": text(sum(row[5] * row[4] for row in rows)), "priceChange": text(self.bid - rows[0][1]),
            "priceChangePercent": "0", "weightedAvgPrice": text(self.bid), "openTime": rows[0][0], "lastQty": "1",
            "closeTime": rows[-1][0] + MINUTE, "firstId": 1, "lastId": 2, "count": 2}  # fmt: skip


class OtherBinance:
    """The exchange: markets, accounts by key, orders, fills, and its faults."""

    def __init__(self, *, fees="received", stream="ws_api", sapi=True, offset_ms=0, seed=11, volatility=0.006):
        self.fees, self.stream, self.sapi, self.offset_ms, self.volatility = fees, stream, sapi, offset_ms, volatility
        self.rng, self.markets, self.parts = random.Random(seed), {}, 0
        self.accounts, self.orders, self.fills, self.requests = {}, [], [], []
        self.sockets, self.private, self.faults, self.down = defaultdict(set), {}, defaultdict(int), None
        for name, (base, quote, *numbers) in PAIRS.items():
            self.markets[name] = Market(name, base, quote, *map(D, numbers))
        self.markets["LUNAUSDT"].status = "BREAK"
        for ago in range(700, 0, -1):
            for market in self.markets.values():
                market.step(self.ms() - ago * MINUTE, self.rng, 1, volatility)

    def ms(self):
        return int(time.time() * 1000) + self.offset_ms

    def account_add(self, key, secret, *, withdraw=False, **balances):
        self.accounts[key] = {"secret": secret, "withdraw": withdraw, "free": defaultdict(D), "locked": defaultdict(D)}
        self.accounts[key]["free"].update({name: D(amount) for name, amount in balances.items()})

    # -- orders ------------------------------------------------------------------------------------------------------

    def order_new(self, key, p):
        market = self._market(p)
        if market.status != "TRADING":
            raise Refusal(-1013, "Market is closed.")
        side, kind, amount = p["side"], p["type"], D(p.get("quantity", "0"))
        price = D(p.get("price", "0"))
        reference = price if kind != "MARKET" else market.ask
        self._filters(market, kind, amount, price, reference)
        client_id = p.get("newClientOrderId") or f"other{len(self.orders)}"
        if any(o["client"] == client_id and o["status"] in ("NEW", "PARTIALLY_FILLED") for o in self.orders):
            raise Refusal(-2010, "Duplicate order sent.")
        takes = kind == "MARKET" or (price >= market.ask if side == "BUY" else price <= market.bid)
        if kind == "LIMIT_MAKER" and takes:
            raise Refusal(-2010, "Order would immediately match and take.")
        coin, needed = (market.quote, amount * reference * D("1.001")) if side == "BUY" else (market.base, amount)
        if self.accounts[key]["free"][coin] < needed:
            raise Refusal(-2010, "Account has insufficient balance for requested action.")
        order = {"id": 7_000_001 + 13 * len(self.orders), "client": client_id, "key": key, "market": market,
                 "side": side, "kind": kind, "tif": p.get("timeInForce", "GTC"), "amount": amount, "price": price,
                 "filled": D(0), "cost": D(0), "status": "NEW", "at": self.ms(), "updated": self.ms()}  # fmt: skip
        self.orders.append(order)
        if takes:
            self._take(order)
        elif order["status"] == "NEW":
            self._lock(order, amount)
        self._tell(order)
        return order

    def order_waits(self, key, market, *, side, amount, client, stop, target=None):
        """A stop (maybe with a target) that locks nothing; `stop_fires` sets it off."""
        order = {"id": 7_000_001 + 13 * len(self.orders), "client": client, "key": key, "market": market, "side": side,
                 "kind": "STOP", "tif": "GTC", "amount": D(amount), "price": D(0), "stop": D(stop), "filled": D(0),
                 "target": target and D(target), "cost": D(0), "status": "WAITING", "at": self.ms(),
                 "updated": self.ms()}  # fmt: skip
        self.orders.append(order)
        return order

    def stop_fires(self, order):
        order["status"], order["kind"] = "NEW", "MARKET"
        self._take(order)

    def _filters(self, market, kind, amount, price, reference):
        if amount < market.lot or amount % market.lot:
            raise Refusal(-1013, "Filter failure: LOT_SIZE")
        if kind != "MARKET" and (price <= 0 or price % market.tick):
            raise Refusal(-1013, "Filter failure: PRICE_FILTER")
        if amount * reference < market.smallest:
            raise Refusal(-1013, "Filter failure: NOTIONAL")

    def _take(self, order):
        """Two or three executions (or `parts`, three of each millisecond), each a tick worse."""
        market, parts = order["market"], self.parts or self.rng.randint(2, 3)
        lots = int(order["amount"] / market.lot)
        shares = [lots // parts] * (parts - 1)
        shares = [share for share in [*shares, lots - sum(shares)] if share]
        for number, share in enumerate(shares):
            buys = order["side"] == "BUY"
            steps = number % 5
            price = market.ask + steps * market.tick if buys else market.bid - steps * market.tick
            if order["kind"] == "LIMIT":
                price = min(price, order["price"]) if buys else max(price, order["price"])
            self._fill(order, share * market.lot, price, maker=False, later_ms=number // 3)

    def _lock(self, order, amount):
        coin, each = self._pays(order)
        account = self.accounts[order["key"]]
        account["free"][coin] -= amount * each
        account["locked"][coin] += amount * each

    @staticmethod
    def _pays(order):
        market = order["market"]
        return (market.quote, order["price"]) if order["side"] == "BUY" else (market.base, D(1))

    def _fill(self, order, amount, price, *, maker, later_ms=0):
        market, account = order["market"], self.accounts[order["key"]]
        if maker:
            self._lock(order, -amount)
        buys = order["side"] == "BUY"
        got, gave = (amount, amount * price) if buys else (amount * price, amount)
        coin, paid = (market.base, market.quote) if buys else (market.quote, market.base)
        account["free"][coin] += got
        account["free"][paid] -= gave
        fee, fee_coin = self._fee(account, market, coin, got, amount * price, paid)
        account["free"][fee_coin] -= fee
        order["filled"], order["cost"] = order["filled"] + amount, order["cost"] + amount * price
        order["status"] = "FILLED" if order["filled"] == order["amount"] else "PARTIALLY_FILLED"
        order["updated"] = self.ms()
        fill = {"id": 900_001 + 3 * len(self.fills), "order": order, "amount": amount, "price": price, "fee": fee,
                "fee_coin": fee_coin, "maker": maker, "at": self.ms() + later_ms}  # fmt: skip
        self.fills.append(fill)
        self._tell(order, fill)

    def _fee(self, account, market, coin, got, value, paid):
        rate = D("0.00075")
        if self.fees == "bnb" and market.quote == "USDT":
            fee = (value * rate / self.markets["BNBUSDT"].bid).quantize(EIGHT)
            if account["free"]["BNB"] >= fee:
                return fee, "BNB"
        if self.fees == "quote" and market.quote == "USDT":
            return (value * rate).quantize(EIGHT, ROUND_UP), "USDT"
        return (got * rate).quantize(EIGHT, ROUND_UP), coin

    def order_cancel(self, key, p):
        order = self._order(key, p, Refusal(-2011, "Unknown order sent."))
        if order["status"] not in ("NEW", "PARTIALLY_FILLED"):
            raise Refusal(-2011, "Unknown order sent.")
        self._lock(order, order["filled"] - order["amount"])
        order["status"], order["updated"] = "CANCELED", self.ms()
        other_lists.begins(self, order, "CANCELED")
        self._tell(order)
        return order

    def _order(self, key, p, otherwise):
        for order in reversed(self.orders):
            given = p.get("orderId") == str(order["id"]) or (
                "orderId" not in p and p.get("origClientOrderId") == order["client"]
            )
            if given and order["key"] == key and order["market"].id == p.get("symbol"):
                return order
        raise otherwise

    def _market(self, p):
        if p.get("symbol") not in self.markets:
            raise Refusal(-1121, "Invalid symbol.")
        return self.markets[p["symbol"]]

    def tick(self, seconds):
        for market in self.markets.values():
            if market.status == "TRADING":
                market.step(self.ms(), self.rng, seconds / 60, self.volatility)
        for order in [o for o in self.orders if o["status"] in ("NEW", "PARTIALLY_FILLED")]:
            market, left = order["market"], order["amount"] - order["filled"]
            if order["kind"] == "STOP_LOSS":
                if market.bid <= order["stop"]:
                    other_lists.stop_fires(self, order)
                continue
            met = market.ask <= order["price"] if order["side"] == "BUY" else market.bid >= order["price"]
            if met and market.status == "TRADING":
                part = floor(left / 2, market.lot) if not order["filled"] else left
                other_lists.begins(self, order)
                self._fill(order, part or left, order["price"], maker=True)

    # -- what it says ------------------------------------------------------------------------------------------------

    def order_json(self, order, *, fills=False):
        row = {"symbol": order["market"].id, "orderId": order["id"], "orderListId": order.get("list", -1),
               "clientOrderId": order["client"], "price": text(order["price"]),
               "origQty": text(order["amount"]), "executedQty": text(order["filled"]),
               "cummulativeQuoteQty": text(order["cost"]), "status": order["status"], "timeInForce": order["tif"],
               "type": order["kind"], "side": order["side"], "workingTime": order["at"],
               "stopPrice": text(order.get("stop", D(0))),
               "selfTradePreventionMode": "NONE"}  # fmt: skip
        if not fills:
            return row | {"time": order["at"], "updateTime": order["updated"], "isWorking": True}
        mine = [fill for fill in self.fills if fill["order"] is order]
        return row | {"transactTime": order["at"], "fills": [
            {"price": text(f["price"]), "qty": text(f["amount"]), "commission": text(f["fee"]),
             "commissionAsset": f["fee_coin"], "tradeId": f["id"]} for f in mine]}  # fmt: skip

    def trade_json(self, fill):
        order = fill["order"]
        return {"symbol": order["market"].id, "id": fill["id"], "orderId": order["id"],
                "orderListId": order.get("list", -1), "price": text(fill["price"]), "qty": text(fill["amount"]),
                "commission": text(fill["fee"]),
                "quoteQty": text(fill["amount"] * fill["price"]), "commissionAsset": fill["fee_coin"],
                "time": fill["at"], "isBuyer": order["side"] == "BUY", "isMaker": fill["maker"],
                "isBestMatch": True}  # fmt: skip

    def balances(self, key):
        account = self.accounts[key]
        return [{"asset": name, "free": text(account["free"][name]), "locked": text(account["locked"][name])}
                for name in sorted({*account["free"], *account["locked"]})]  # fmt: skip

    def ledger(self):
        return {"orders": [self.order_json(order) for order in self.orders],
                "fills": [self.trade_json(fill) for fill in self.fills],
                "balances": {key: self.balances(key) for key in self.accounts}}  # fmt: skip

    def _tell(self, order, fill=None):
        """An executionReport (and the account's balances) to the user's sockets."""
        now, f = self.ms(), fill or {}
        report = {"e": "executionReport", "E": now, "s": order["market"].id, "c": order["client"], "S": order["side"],
                  "o": order["kind"], "f": order["tif"], "q": text(order["amount"]), "p": text(order["price"]),
                  "x": "TRADE" if fill else order["status"], "X": order["status"], "r": "NONE", "i": order["id"],
                  "l": text(f.get("amount", D(0))), "L": text(f.get("price", D(0))), "z": text(order["filled"]),
                  "Z": text(order["cost"]), "n": text(f.get("fee", D(0))), "N": f.get("fee_coin"), "T": now,
                  "t": f.get("id", -1), "m": f.get("maker", False), "O": order["at"], "C": "", "w": True}  # fmt: skip
        held = [{"a": row["asset"], "f": row["free"], "l": row["locked"]} for row in self.balances(order["key"])]
        for event in (report, {"e": "outboundAccountPosition", "E": now, "u": now, "B": held}):
            for socket, (key, wrapped) in list(self.private.items()):
                if key == order["key"]:
                    put(socket, {"subscriptionId": 0, "event": event} if wrapped else event)

    def signed(self, key, raw, signature, p):
        """Refuses as Binance does; `raw` is the text that was signed."""
        if not key or key not in self.accounts:
            raise Refusal(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        expected = hmac.new(self.accounts[key]["secret"].encode(), raw.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, signature):
            raise Refusal(-1022, "Signature for this request is not valid.")
        stamp, window = int(p.get("timestamp", 0)), int(p.get("recvWindow", 5000))
        if stamp > self.ms() + 1000 or self.ms() - stamp > window:
            raise Refusal(-1021, "Timestamp for this request is outside of the recvWindow.")


_sending = set()


def put(socket, message):
    if not socket.closed:
        task = asyncio.ensure_future(_put(socket, message))
        _sending.add(task)
        task.add_done_callback(_sending.discard)


async def _put(socket, message):
    with contextlib.suppress(ConnectionError, RuntimeError):
        await socket.send_str(message if isinstance(message, str) else json.dumps(message))
