"""A lean server that speaks enough of Binance's spot protocol to fill market orders 20 ms after they were asked.

It checks signatures, counts weights as the exchange does and answers 429 beyond them, and has no matching engine, so
that what is measured is the platform. `python -m bench.lean_exchange PORT` prints "ready" and serves until it is ended.
"""

import asyncio
import hashlib
import hmac
import json
import sys
import time
from typing import Any
from urllib.parse import parse_qsl

LATENCY_S = 0.020
WEIGHT_A_MINUTE = 24_000  # of the address: four times the real limit, as four addresses would have
ORDERS_IN_10_S = 100  # of a key
SYMBOLS = tuple(f"C{number}USDT" for number in range(20))
PRICE = "100.00"


class Counters:
    """What was asked, and how much of the limits was used at most."""

    def __init__(self) -> None:
        self.minute, self.weight, self.peak, self.orders, self.refused = 0, 0, 0, 0, 0
        self.keys: dict[str, tuple[int, int]] = {}
        self.enforced = True

    def weigh(self, weight: int) -> bool:
        """Count a request; False beyond the address's limit."""
        minute = int(time.time() // 60)
        if minute != self.minute:
            self.minute, self.weight = minute, 0
        self.weight += weight
        if not self.enforced:
            return True
        self.peak = max(self.peak, self.weight)
        return self.weight <= WEIGHT_A_MINUTE

    def order(self, key: str) -> bool:
        """Count an order; False beyond the key's limit."""
        window, count = self.keys.get(key, (0, 0))
        now = int(time.time() // 10)
        count = count + 1 if window == now else 1
        self.keys[key] = (now, count)
        self.orders += 1
        return count <= ORDERS_IN_10_S or not self.enforced


class Exchange(asyncio.Protocol):
    """One connection; requests on it come one after another."""

    counters = Counters()
    number = 0

    def connection_made(self, transport: Any) -> None:
        """A client is there."""
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer a whole request after the latency."""
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self.buffer = rest[length:]
        method, target, _ = lines[0].split(" ")
        path, _, query = target.partition("?")
        text = rest[:length].decode() or query
        asyncio.get_running_loop().call_later(
            LATENCY_S, self._answer, method, path, text, headers.get("x-mbx-apikey", "")
        )

    def _answer(self, method: str, path: str, text: str, key: str) -> None:
        status, body = self._served(method, path, text, key)
        data = json.dumps(body).encode()
        used = f"X-MBX-USED-WEIGHT-1M: {self.counters.weight}\r\n"
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{used}Content-Length: {len(data)}\r\n\r\n"
        if not self.transport.is_closing():
            self.transport.write(head.encode() + data)

    def _served(self, method: str, path: str, text: str, key: str) -> tuple[int, Any]:
        name = path.rsplit("/", 1)[-1]
        if name == "counters":
            known = self.counters
            known.enforced = known.enforced and not text  # anything asked for: no limits from now on
            return 200, {"peak": known.peak, "orders": known.orders, "refused": known.refused}
        weight = {"exchangeInfo": 20, "account": 20, "openOrders": 6, "myTrades": 20}.get(name, 1)
        if not self.counters.weigh(weight):
            self.counters.refused += 1
            return 429, {"code": -1003, "msg": "Too much request weight used."}
        if key and not _signed(text, key):
            return 400, {"code": -1022, "msg": "Signature for this request is not valid."}
        if name == "order" and method == "POST":
            return self._order(dict(parse_qsl(text)), key)
        return 200, _read(name)

    def _order(self, asked: dict[str, str], key: str) -> tuple[int, Any]:
        if not self.counters.order(key):
            self.counters.refused += 1
            return 429, {"code": -1015, "msg": "Too many new orders."}
        Exchange.number += 1
        number, amount = Exchange.number, asked["quantity"]
        now = int(time.time() * 1000)
        fill = {"price": PRICE, "qty": amount, "commission": "0.01000000", "commissionAsset": "USDT", "tradeId": number}
        return 200, {
            "symbol": asked["symbol"], "orderId": number, "orderListId": -1, "clientOrderId": asked["newClientOrderId"],
            "transactTime": now, "workingTime": now, "price": "0.00000000", "origQty": amount, "executedQty": amount,
            "cummulativeQuoteQty": f"{float(amount) * float(PRICE):.8f}", "status": "FILLED", "timeInForce": "GTC",
            "type": "MARKET", "side": asked["side"], "fills": [fill],
        }  # fmt: skip


def _signed(text: str, key: str) -> bool:
    body, _, signature = text.rpartition("&signature=")
    return hmac.new(key[::-1].encode(), body.encode(), hashlib.sha256).hexdigest() == signature


def _read(name: str) -> Any:
    if name == "exchangeInfo":
        limits = [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": WEIGHT_A_MINUTE},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": ORDERS_IN_10_S},
        ]
        return {"timezone": "UTC", "rateLimits": limits, "symbols": [_symbol(name) for name in SYMBOLS]}
    if name == "account":
        balances = [{"asset": "USDT", "free": "1000000.00000000", "locked": "0.00000000"}]
        return {"accountType": "SPOT", "canTrade": True, "balances": balances, "permissions": ["SPOT"]}
    return {"serverTime": int(time.time() * 1000)} if name == "time" else []


def _symbol(name: str) -> dict[str, Any]:
    return {
        "symbol": name, "status": "TRADING", "baseAsset": name.removesuffix("USDT"), "baseAssetPrecision": 8,
        "quoteAsset": "USDT", "quotePrecision": 8, "quoteAssetPrecision": 8, "orderTypes": ["LIMIT", "MARKET"],
        "isSpotTradingAllowed": True, "isMarginTradingAllowed": False, "permissions": ["SPOT"],
        "permissionSets": [["SPOT"]],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
            {"filterType": "LOT_SIZE", "minQty": "0.0001", "maxQty": "9000", "stepSize": "0.0001"},
            {"filterType": "NOTIONAL", "minNotional": "5"},
        ],
    }  # fmt: skip


async def main(port: int) -> None:
    """Serve until ended."""
    server = await asyncio.get_running_loop().create_server(Exchange, "127.0.0.1", port, backlog=1024)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
