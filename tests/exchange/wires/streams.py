"""User-data streams in each exchange's own format: logging in, subscribing, orders, balances, a socket's end."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections import defaultdict
from decimal import Decimal
from typing import Any

import aiohttp
from aiohttp import web

from accounts.exchanges.lean_ccxt import prepare
from tests.exchange.wires.base import KEY, PASSPHRASE, SECRET, Answer, Wire

ORDER = {"symbol": "ETHUSDT", "price": "1800.00", "amount": "0.0500", "id": "77", "client": "stream-1"}  # of an event
BALANCES = "spot@private.account.v3.api.pb"  # MEXC's channel


def mac(text: str, how: str = "hex") -> str:
    """HMAC-SHA256 of a text under the account's secret."""
    made = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256)
    return made.hexdigest() if how == "hex" else base64.b64encode(made.digest()).decode()


class Stream:
    """The sockets of one wire; `ready` are those that are logged in and subscribed."""

    path = ""

    def __init__(self, wire: Wire) -> None:
        self.wire, self.ready, self.logins = wire, [], 0
        self.balances_asked: list[Any] = []  # by socket, each time
        self.refuses = self.silent = self.deaf = False  # refuses a login; answers nothing at all; no ping
        self.tells_orders_only = False  # refuses to tell balances
        self.pings: dict[Any, int] = defaultdict(int)  # by socket
        wire.stream = self
        self.routes_add()

    def routes_add(self) -> None:
        """REST endpoints that the stream needs."""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One socket until it ends."""
        socket = web.WebSocketResponse(heartbeat=None)
        await socket.prepare(request)
        if request.path != self.path:
            await socket.close(message=b"no such stream")
            return socket
        await self.opened(socket, request)
        async for message in socket:
            if message.type == aiohttp.WSMsgType.TEXT:
                answers = self.heard(socket, message.data)
                for answer in [] if self.silent else answers:
                    await self.say(socket, answer)
        self.ready = [one for one in self.ready if one is not socket]
        return socket

    def pinged(self, socket: Any, pong: Any) -> list[Any]:
        """A ping in the exchange's own words, and what it answers."""
        self.pings[socket] += 1
        return [] if self.deaf else [pong]

    def close(self) -> None:
        """The server ends."""

    async def opened(self, socket: Any, request: web.Request) -> None:
        """What is said first."""

    async def say(self, socket: Any, told: Any) -> None:
        """Text, bytes, or JSON."""
        if isinstance(told, bytes):
            await socket.send_bytes(told)
        else:
            await socket.send_str(told if isinstance(told, str) else json.dumps(told))

    def heard(self, socket: Any, text: str) -> list[Any]:
        """What is answered to a message."""
        raise NotImplementedError

    def event(self, state: str) -> Any:
        """A message about an order: it is `open`, or `canceled`."""
        raise NotImplementedError

    def balances(self, totals: dict[str, str]) -> list[Any]:
        """Messages that tell these totals by currency, of which nothing is locked."""
        raise NotImplementedError

    def subscribed(self, socket: Any, balances: bool, done: Any, refused: Any) -> list[Any]:
        """What is answered to a subscription: orders, or `balances`."""
        if not balances:
            self.ready.append(socket)
            return [done]
        self.balances_asked.append(socket)
        return [refused if self.tells_orders_only else done]

    def _run(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self.wire.loop).result(5)

    def tell(self, state: str = "open") -> None:
        """Send an event of an order to every socket that is subscribed."""
        self.send([self.event(state)])

    def tell_balances(self, **totals: str) -> None:
        """The same of balances."""
        self.send(self.balances(totals))

    def send(self, messages: list[Any]) -> None:
        """Send what is given to every socket that is subscribed."""

        async def send() -> None:
            for socket in [one for one in self.ready if not one.closed]:
                for message in messages:
                    await self.say(socket, message)

        self._run(send())

    def drop(self) -> None:
        """End every socket."""

        async def close() -> None:
            for socket in list(self.ready):
                await socket.close()

        self._run(close())


class OkxStream(Stream):
    path = "/ws/v5/private"

    def heard(self, socket: Any, text: str) -> list[Any]:
        if text == "ping":
            return self.pinged(socket, "pong")
        asked = json.loads(text)
        if asked["op"] == "login":
            self.logins += 1
            given = asked["args"][0]
            good = given["sign"] == mac(f"{given['timestamp']}GET/users/self/verify", "base64")
            if self.refuses or not good or (given["apiKey"], given["passphrase"]) != (KEY, PASSPHRASE):
                return [{"event": "error", "code": "60005", "msg": "Invalid apiKey", "connId": "c"}]
            return [{"event": "login", "code": "0", "msg": "", "connId": "c"}]
        arg = asked["args"][0]
        assert arg["channel"] in ("orders", "account")
        no = {"event": "error", "code": "60018", "msg": "Wrong URL or channel:account doesn't exist.", "connId": "c"}
        answers = self.subscribed(
            socket, arg["channel"] == "account", {"event": "subscribe", "arg": arg, "connId": "c"}, no
        )
        if arg["channel"] == "account" and answers != [no]:  # begins with all there is
            rows = self.wire.core.balances(KEY)
            answers += self.balances(
                {row["asset"]: f"{Decimal(row['free']) + Decimal(row['locked']):f}" for row in rows}
            )
        return answers

    def balances(self, totals: dict[str, str]) -> list[Any]:
        rows = [
            {"ccy": name, "eq": total, "availBal": total, "availEq": total, "cashBal": total, "frozenBal": "0",
             "ordFrozen": "0", "uTime": "1700000000100"}
            for name, total in totals.items()
        ]  # fmt: skip
        data = [{"uTime": "1700000000100", "totalEq": "1", "details": rows}]
        return [{"arg": {"channel": "account", "uid": "1"}, "eventType": "event_update", "data": data}]

    def event(self, state: str) -> Any:
        row = {
            "instType": "SPOT", "instId": "ETH-USDT", "ordId": ORDER["id"], "clOrdId": ORDER["client"], "tag": "",
            "px": ORDER["price"], "sz": ORDER["amount"], "ordType": "limit", "side": "buy", "tdMode": "cash",
            "fillPx": "", "fillSz": "0", "accFillSz": "0", "avgPx": "0", "fee": "0", "feeCcy": "ETH", "tradeId": "",
            "state": "live" if state == "open" else "canceled", "cTime": "1700000000000", "uTime": "1700000000100",
        }  # fmt: skip
        return {"arg": {"channel": "orders", "instType": "ANY", "uid": "1"}, "data": [row]}


class BybitStream(Stream):
    path = "/v5/private"

    def heard(self, socket: Any, text: str) -> list[Any]:
        asked = json.loads(text)
        if asked["op"] == "ping":
            return self.pinged(socket, {"req_id": "", "op": "pong", "args": ["1700000000000"], "conn_id": "c"})
        if asked["op"] == "auth":
            self.logins += 1
            key, expires, signature = asked["args"]
            good = not self.refuses and key == KEY and signature == mac(f"GET/realtime{expires}")
            words = "" if good else "Params Error: API key is invalid."
            return [{"success": good, "ret_msg": words, "op": "auth", "conn_id": "c"}]
        assert asked["args"] in (["order"], ["wallet"])
        done = {"success": True, "ret_msg": "", "conn_id": "c", "req_id": asked.get("req_id"), "op": "subscribe"}
        no = done | {"success": False, "ret_msg": "error:handler not found,topic:wallet"}
        return self.subscribed(socket, asked["args"] == ["wallet"], done, no)

    def balances(self, totals: dict[str, str]) -> list[Any]:
        coins = [
            {"coin": name, "equity": total, "walletBalance": total, "locked": "0", "availableToWithdraw": "",
             "totalOrderIM": "0", "totalPositionIM": "0", "borrowAmount": "0", "unrealisedPnl": "0"}
            for name, total in totals.items()
        ]  # fmt: skip
        data = [{"accountType": "UNIFIED", "totalEquity": "1", "coin": coins}]
        return [{"id": "e", "topic": "wallet", "creationTime": 1700000000100, "data": data}]

    def event(self, state: str) -> Any:
        row = {
            "category": "spot", "symbol": ORDER["symbol"], "orderId": ORDER["id"], "orderLinkId": ORDER["client"],
            "side": "Buy", "orderType": "Limit", "price": ORDER["price"], "qty": ORDER["amount"], "avgPrice": "",
            "leavesQty": ORDER["amount"], "cumExecQty": "0", "cumExecValue": "0", "cumExecFee": "0", "feeCurrency": "",
            "timeInForce": "GTC", "orderStatus": "New" if state == "open" else "Cancelled",
            "createdTime": "1700000000000", "updatedTime": "1700000000100",
        }  # fmt: skip
        return {"id": "e", "topic": "order", "creationTime": 1700000000100, "data": [row]}


class KucoinStream(Stream):
    path = "/endpoint"
    token = "bullet-token"
    ping_ms = 18000
    elsewhere = ""  # where the sockets are said to be, when that is not here

    def routes_add(self) -> None:
        self.wire.routes["POST /api/v1/bullet-private"] = self.bullet

    def bullet(self, _asked: Any) -> Any:
        self.logins += 1
        at = self.elsewhere or f"ws://127.0.0.1:{self.wire.port}{self.path}"
        server = {"endpoint": at, "encrypt": True, "protocol": "websocket", "pingInterval": self.ping_ms,
                  "pingTimeout": 10000}  # fmt: skip
        return {"code": "200000", "data": {"token": self.token, "instanceServers": [server]}}

    async def opened(self, socket: Any, request: web.Request) -> None:
        if self.refuses or request.query.get("token") != self.token:
            await self.say(socket, {"id": "1", "type": "error", "code": 401, "data": "token is invalid"})
            await socket.close()
        else:
            await self.say(socket, {"id": request.query["connectId"], "type": "welcome"})

    def heard(self, socket: Any, text: str) -> list[Any]:
        asked = json.loads(text)
        if asked["type"] == "ping":
            return self.pinged(socket, {"id": asked["id"], "type": "pong", "timestamp": 1700000000000})
        assert asked["type"] == "subscribe" and asked["privateChannel"] is True
        assert asked["topic"] in ("/spotMarket/tradeOrders", "/account/balance")
        no = {"id": asked["id"], "type": "error", "code": 404, "data": "topic /account/balance is not found"}
        return self.subscribed(socket, asked["topic"] == "/account/balance", {"id": asked["id"], "type": "ack"}, no)

    def balances(self, totals: dict[str, str]) -> list[Any]:
        rows = [
            {"accountId": "1", "currency": name, "total": total, "available": total, "availableChange": "1",
             "hold": "0", "holdChange": "0", "relationContext": {}, "relationEvent": "trade_hf.transfer",
             "relationEventId": "2", "time": "1700000000100"}
            for name, total in totals.items()
        ]  # fmt: skip
        head = {"topic": "/account/balance", "type": "message", "subject": "account.balance", "userId": "1",
                "channelType": "private"}  # fmt: skip
        return [{"id": "e", **head, "data": row} for row in rows]

    def event(self, state: str) -> Any:
        row = {
            "symbol": "ETH-USDT", "orderType": "limit", "side": "buy", "orderId": ORDER["id"],
            "orderTime": 1700000000000, "size": ORDER["amount"], "filledSize": "0", "price": ORDER["price"],
            "clientOid": ORDER["client"],
            "remainSize": ORDER["amount"], "type": state, "status": "open" if state == "open" else "done",
            "ts": 1700000000100000000,
        }  # fmt: skip
        return {"topic": "/spotMarket/tradeOrders", "type": "message", "subject": "orderChange", "userId": "1",
                "channelType": "private", "data": row}  # fmt: skip


class MexcStream(Stream):
    path = "/ws"
    listen_key = ""

    def routes_add(self) -> None:
        self.wire.routes["POST /api/v3/userDataStream"] = self.key
        self.wire.routes["PUT /api/v3/userDataStream"] = self.key_kept
        self.kept = 0

    def key(self, _asked: Any) -> Any:
        self.logins += 1
        self.listen_key = f"listen-key-{self.logins}"  # one that was forgotten never comes back
        return {"listenKey": self.listen_key}

    def key_kept(self, asked: Any) -> Any:
        if asked.p["listenKey"] != self.listen_key:
            raise Answer({"code": 730706, "msg": "listen key does not exist"}, 400)
        self.kept += 1
        return {"listenKey": self.listen_key}

    async def opened(self, socket: Any, request: web.Request) -> None:
        if self.refuses or request.query.get("listenKey") != self.listen_key:
            await self.say(socket, '"Invalid listen key"')

    def heard(self, socket: Any, text: str) -> list[Any]:
        asked = json.loads(text)
        if asked["method"].upper() == "PING":  # documented in capitals; ccxt's small letters are answered, too
            return self.pinged(socket, {"id": 0, "code": 0, "msg": "PONG"})
        (channel,) = asked["params"]
        assert channel in ("spot@private.orders.v3.api.pb", BALANCES)
        no = {"id": 0, "code": 0, "msg": f"Not Subscribed successfully! [{BALANCES}].  Reason： Blocked! "}
        return self.subscribed(socket, channel == BALANCES, {"id": 0, "code": 0, "msg": channel}, no)

    def balances(self, totals: dict[str, str]) -> list[Any]:
        prepare()
        from ccxt.protobuf.mexc import PushDataV3ApiWrapper_pb2 as wrapper

        messages = []
        for name, total in totals.items():
            told = wrapper.PushDataV3ApiWrapper(channel=BALANCES, createTime=1700000000100, sendTime=1700000000101)
            row = told.privateAccount
            row.vcoinName, row.coinId, row.type, row.time = name, f"id-{name}", "DEPOSIT", 1700000000100
            row.balanceAmount, row.balanceAmountChange, row.frozenAmount, row.frozenAmountChange = total, "1", "0", "0"
            messages.append(told.SerializeToString())
        return messages

    def event(self, state: str) -> Any:
        prepare()
        from ccxt.protobuf.mexc import PushDataV3ApiWrapper_pb2 as wrapper

        told = wrapper.PushDataV3ApiWrapper(channel="spot@private.orders.v3.api.pb", symbol=ORDER["symbol"])
        told.sendTime, order = 1700000000100, told.privateOrders
        order.id, order.clientId, order.price, order.quantity = (
            ORDER["id"],
            ORDER["client"],
            ORDER["price"],
            ORDER["amount"],
        )
        order.orderType, order.tradeType, order.remainQuantity, order.cumulativeQuantity = 1, 1, ORDER["amount"], "0"
        order.status, order.createTime = 1 if state == "open" else 4, 1700000000000
        return told.SerializeToString()


STREAMS = {"okx": OkxStream, "bybit": BybitStream, "kucoin": KucoinStream, "mexc": MexcStream}
