"""HTTP and websockets of `OtherBinance`, on a thread of its own or as a program."""

import argparse
import asyncio
import contextlib
import json
import threading
from urllib.parse import parse_qsl

from aiohttp import WSMsgType, web

from tests.exchange import other_lists
from tests.exchange.other_binance import MINUTE, OtherBinance, put, text
from tests.exchange.refusals import Refusal

ORDERS = ("POST order", "POST orderList/oco")
AFTER_ORDER = ("502", "timeout", "empty", "reset")
TICK_S = 0.25


class OtherServer:
    """Serves one exchange; `with OtherServer(exchange) as url:` runs it on its own thread and loop."""

    def __init__(self, exchange, port=0):
        self.exchange, self.port, self.site, self.runner = exchange, port, None, None
        self.loop, self.ready = asyncio.new_event_loop(), threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(self.serve(),), daemon=True)
        self.thread.start()
        assert self.ready.wait(30)
        return f"http://127.0.0.1:{self.port}"

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stopping.set)
        self.thread.join(10)

    def control(self, **order):
        """As POST /control, from a test's thread."""
        return asyncio.run_coroutine_threadsafe(self._control(order), self.loop).result(10)

    async def serve(self):
        self.stopping = asyncio.Event()
        await self._up()
        self.ready.set()
        while not self.stopping.is_set():
            if self.runner:
                self.exchange.tick(TICK_S)
                self._market_tell()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), TICK_S)
        await self._down()

    async def _up(self):
        app = web.Application(middlewares=[self._errors])
        app.router.add_get("/ledger", self._ledger)
        app.router.add_post("/control", self._control_asked)
        for path in ("/ws", "/ws/{name:.*}", "/stream", "/ws-api/v3"):
            app.router.add_get(path, self._socket)
        app.router.add_route("*", "/api/v3/{name:.+}", self._rest)
        if self.exchange.sapi:
            app.router.add_get("/sapi/v1/account/apiRestrictions", self._restrictions)
        self.runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self.runner.setup()
        self.site = web.TCPSite(self.runner, "127.0.0.1", self.port, reuse_address=True)
        await self.site.start()
        self.port = self.site._server.sockets[0].getsockname()[1]

    async def _down(self):
        for socket in [*self.exchange.sockets, *self.exchange.private]:
            await asyncio.wait_for(socket.close(), 1)
        runner, self.runner = self.runner, None
        if runner:
            await runner.cleanup()

    async def _ledger(self, _request):
        return web.json_response(self.exchange.ledger())

    async def _control_asked(self, request):
        self.controlled = asyncio.ensure_future(self._control(await request.json()))
        return web.json_response({})

    async def _control(self, order):
        other = self.exchange
        if "fault" in order:
            other.faults[order["fault"]] = order.get("count", 1)
        if "break" in order:
            other.markets[order["break"]].status = "BREAK"
        if "trade" in order:
            other.markets[order["trade"]].status = "TRADING"
        if "move" in order:
            for market in other.markets.values():
                market.price *= 1 + type(market.price)(str(order["move"]))
        if "restart" in order:
            await self._down()
            await asyncio.sleep(order["restart"])
            await self._up()

    def _fault(self, name):
        if self.exchange.faults[name] <= 0:
            return False
        self.exchange.faults[name] -= 1
        return True

    @web.middleware
    async def _errors(self, request, handler):
        if request.path.startswith(("/api", "/sapi")) and self._fault("html"):
            return web.Response(text="<html><body>Welcome to nginx!</body></html>", content_type="text/html")
        try:
            return await handler(request)
        except Refusal as refusal:
            return web.json_response(refusal.body, status=refusal.status)
        except (KeyError, ValueError, ArithmeticError) as error:
            return web.json_response({"code": -1102, "msg": f"Mandatory parameter: {error}"}, status=400)

    # -- REST --------------------------------------------------------------------------------------------------------

    async def _rest(self, request):
        name = f"{request.method} {request.match_info['name']}"
        body = await request.text()
        if self._fault("slow"):  # read and kept: it is carried out later, also when the client has gone by then
            await asyncio.sleep(3)
        self.exchange.requests.append(name)
        p = dict(parse_qsl(request.query_string) + parse_qsl(body))
        if name in _PUBLIC:
            return web.json_response(_PUBLIC[name](self.exchange, p))
        key = request.headers.get("X-MBX-APIKEY", "")
        if name.endswith(" userDataStream"):
            return self._listen_key(request.method, key)
        if name not in _PRIVATE:
            return web.Response(status=404, text="<html><body>404 Not Found</body></html>", content_type="text/html")
        self._signed(request, body, key, p)
        answer = _PRIVATE[name](self.exchange, key, p)
        fault = next((f for f in AFTER_ORDER if name in ORDERS and self._fault(f)), "")
        return await self._broken(request, fault) if fault else web.json_response(answer)

    async def _broken(self, request, fault):
        if fault == "timeout":
            await asyncio.sleep(60)
        if fault == "reset":
            request.transport.abort()
        if fault == "502":
            return web.Response(status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
        return web.Response(status=200)

    def _signed(self, request, body, key, p):
        raw = request.query_string if not body else request.query_string + body
        head, _, signature = request.raw_path.partition("?")[2].rpartition("signature=") if not body else ("", "", "")
        if body:
            head, _, signature = body.rpartition("signature=")
            head = request.raw_path.partition("?")[2] + head
        self.exchange.signed(key, head.rstrip("&"), signature or raw, p)

    async def _restrictions(self, request):
        key = request.headers.get("X-MBX-APIKEY", "")
        self._signed(request, "", key, dict(parse_qsl(request.query_string)))
        return web.json_response(
            {"ipRestrict": False, "enableReading": True, "enableSpotAndMarginTrading": True, "enableInternalTransfer":
             False, "enableWithdrawals": self.exchange.accounts[key]["withdraw"], "enableFutures": False}
        )  # fmt: skip

    def _listen_key(self, method, key):
        if self.exchange.stream != "listen_key":
            return web.json_response({"code": -1, "msg": "Gone"}, status=410)
        return web.json_response({"listenKey": f"listen-{key}"} if method == "POST" else {})

    # -- websockets --------------------------------------------------------------------------------------------------

    async def _socket(self, request):
        other, combined = self.exchange, request.path == "/stream"
        api = request.path.startswith("/ws-api")
        if api and other.stream != "ws_api":
            raise web.HTTPNotFound
        socket = web.WebSocketResponse(heartbeat=20)
        await socket.prepare(request)
        socket.combined = combined
        names = request.query.get("streams", request.match_info.get("name", "")).split("/")
        other.sockets[socket] = {name for name in names if "@" in name}
        if names[0].startswith("listen-"):
            other.private[socket] = (names[0].removeprefix("listen-"), False)
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    put(socket, self._asked(socket, json.loads(message.data), api))
        finally:
            other.sockets.pop(socket, None)
            other.private.pop(socket, None)
        return socket

    def _asked(self, socket, asked, api):
        method, names = asked.get("method"), asked.get("params") or []
        if api:
            return self._api_asked(socket, asked)
        if method == "SUBSCRIBE":
            self.exchange.sockets[socket].update(names)
        if method == "UNSUBSCRIBE":
            self.exchange.sockets[socket].difference_update(names)
        return {"result": None, "id": asked.get("id")}

    def _api_asked(self, socket, asked):
        p = dict(asked.get("params") or {})
        try:
            if asked.get("method") != "userDataStream.subscribe.signature":
                raise Refusal(-1100, "Unknown method.")
            signature = p.pop("signature", "")
            raw = "&".join(f"{name}={p[name]}" for name in sorted(p))
            self.exchange.signed(p.get("apiKey"), raw, signature, p)
        except Refusal as refusal:
            return {"id": asked.get("id"), "status": refusal.status, "error": refusal.body}
        self.exchange.private[socket] = (p["apiKey"], True)
        return {"id": asked.get("id"), "status": 200, "result": {"subscriptionId": 0}}

    def _market_tell(self):
        events = {}
        for market in self.exchange.markets.values():
            if market.status == "TRADING":
                events.update(_market_events(market, self.exchange.ms()))
        for socket, names in list(self.exchange.sockets.items()):
            for name in names & events.keys():
                data = events[name]
                put(socket, {"stream": name, "data": data} if socket.combined else data)


def _market_events(market, now):
    row, low = market.candles[-1], market.id.lower()
    o, h, lowest, c, volume = (text(value) for value in row[1:6])
    kline = {"t": row[0], "T": row[0] + MINUTE - 1, "s": market.id, "i": "1m", "f": 1, "L": 2, "o": o, "c": c, "h": h,
             "l": lowest, "v": volume, "n": row[6], "x": False, "q": text(row[5] * row[4]), "V": "0", "Q": "0",
             "B": "0"}  # fmt: skip
    book = market.book()
    best = {"u": now, "s": market.id, "b": book["bidPrice"], "B": book["bidQty"], "a": book["askPrice"],
            "A": book["askQty"]}  # fmt: skip
    trade = {"e": "trade", "E": now, "s": market.id, "t": now, "p": book["bidPrice"], "q": text(market.lot), "T": now,
             "m": True, "M": True}  # fmt: skip
    return {f"{low}@bookTicker": best, f"{low}@trade": trade,
            f"{low}@kline_1m": {"e": "kline", "E": now, "s": market.id, "k": kline}}  # fmt: skip


def _candles(other, p):
    market, since = other._market(p), int(p.get("startTime", 0))
    if p["interval"] != "1m":
        raise Refusal(-1120, "Invalid interval.")
    until, limit = int(p.get("endTime", 10**15)), min(int(p.get("limit", 500)), 1000)
    rows = [market.kline(row) for row in market.candles if since <= row[0] <= until]
    return rows[:limit] if "startTime" in p else rows[-limit:]


def _each(other, p, what):
    named = json.loads(p["symbols"]) if "symbols" in p else [p["symbol"]] if "symbol" in p else list(other.markets)
    rows = [what(other._market({"symbol": name})) for name in named]
    return rows[0] if "symbol" in p else rows


def _depth(other, p):
    m = other._market(p)
    sizes = range(int(p.get("limit", 20)))
    return {"lastUpdateId": other.ms(), "bids": [[text(m.bid - m.tick * n), text(m.lot * 5000)] for n in sizes],
            "asks": [[text(m.ask + m.tick * n), text(m.lot * 4000)] for n in sizes]}  # fmt: skip


def _info(other, p):
    return {"timezone": "UTC", "serverTime": other.ms(), "rateLimits": [], "exchangeFilters": [],
            "symbols": [market.info() for market in other.markets.values()]}  # fmt: skip


def _account(other, key, p):
    return {"makerCommission": 7, "takerCommission": 7, "canTrade": True, "canWithdraw": True, "canDeposit": True,
            "updateTime": other.ms(), "accountType": "SPOT", "permissions": ["SPOT"],
            "balances": other.balances(key)}  # fmt: skip


def _orders(other, key, p, *, still=False):
    rows = [o for o in other.orders if o["key"] == key and p.get("symbol", o["market"].id) == o["market"].id]
    rows = [o for o in rows if not still or o["status"] in ("NEW", "PARTIALLY_FILLED")]
    if "symbol" not in p and not still:
        raise Refusal(-1102, "Mandatory parameter 'symbol' was not sent.")
    rows = [o for o in rows if o["at"] >= int(p.get("startTime", 0)) and o["id"] >= int(p.get("orderId", 0))]
    return [other.order_json(order) for order in rows[: int(p.get("limit", 500))]]


def _trades(other, key, p):
    wanted = other._market(p)
    rows = [f for f in other.fills if f["order"]["key"] == key and f["order"]["market"] is wanted]
    rows = [f for f in rows if str(f["order"]["id"]) == p.get("orderId", str(f["order"]["id"]))]
    rows = [f for f in rows if f["at"] >= int(p.get("startTime", 0)) and f["id"] >= int(p.get("fromId", 0))]
    rows = [f for f in rows if f["at"] <= int(p.get("endTime", 10**15))]
    if "fromId" in p and p.keys() & {"startTime", "endTime"}:
        raise Refusal(-1128, "Combination of optional parameters invalid.")
    if p.keys() >= {"startTime", "endTime"} and int(p["endTime"]) - int(p["startTime"]) > 86_400_000:
        raise Refusal(-1127, "More than 24 hours between startTime and endTime.")
    limit = min(int(p.get("limit", 500)), 1000)
    return [other.trade_json(fill) for fill in (rows[:limit] if p.keys() & {"startTime", "fromId"} else rows[-limit:])]


_PUBLIC = {
    "GET ping": lambda other, p: {},
    "GET time": lambda other, p: {"serverTime": other.ms()},
    "GET exchangeInfo": _info,
    "GET klines": _candles,
    "GET depth": _depth,
    "GET ticker/24hr": lambda other, p: _each(other, p, lambda market: market.day()),
    "GET ticker/bookTicker": lambda other, p: _each(other, p, lambda market: market.book()),
    "GET ticker/price": lambda other, p: _each(other, p, lambda m: {"symbol": m.id, "price": text(m.bid)}),
}
_PRIVATE = {
    "GET account": _account,
    "POST order": lambda other, key, p: other.order_json(other.order_new(key, p), fills=True),
    "GET order": lambda o, key, p: o.order_json(o._order(key, p, Refusal(-2013, "Order does not exist."))),
    "POST orderList/oco": other_lists.list_new,
    "DELETE orderList": other_lists.list_cancel,
    "DELETE order": lambda other, key, p: other.order_json(other.order_cancel(key, p)),
    "GET openOrders": lambda other, key, p: _orders(other, key, p, still=True),
    "GET allOrders": _orders,
    "GET myTrades": _trades,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=9514)
    parser.add_argument("--fees", choices=["received", "bnb", "quote"], default="received")
    parser.add_argument("--stream", choices=["ws_api", "listen_key"], default="ws_api")
    parser.add_argument("--no-sapi", action="store_true")
    parser.add_argument("--offset-ms", type=int, default=0)
    parser.add_argument("--volatility", type=float, default=0.006)
    given = parser.parse_args()
    other = OtherBinance(fees=given.fees, stream=given.stream, sapi=not given.no_sapi, offset_ms=given.offset_ms,
                         volatility=given.volatility)  # fmt: skip
    other.account_add("other-key-1", "other-secret-1", USDT="5000", BNB="0.75")
    other.account_add("other-key-2", "other-secret-2", withdraw=True, USDT="5000")
    server = OtherServer(other, given.port)
    with contextlib.suppress(KeyboardInterrupt):
        server.loop.run_until_complete(server.serve())


if __name__ == "__main__":
    main()
