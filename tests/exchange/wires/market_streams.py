"""Best bids and asks in each exchange's own format, from the core's books."""

import asyncio
import json
from contextlib import suppress
from typing import Any

from tests.exchange.wires.streams import Stream


class Quotes(Stream):
    """`asked` are the names of what was subscribed, in the order of the requests, a list each; all are told again and
    again, as a market that moves does."""

    def __init__(self, wire: Any) -> None:
        super().__init__(wire)
        self.asked: list[list[str]] = []
        self.told: list[tuple[Any, Any]] = []  # socket, message
        self._telling: Any = None

    def again(self, socket: Any, told: list[Any]) -> list[Any]:
        """Keep messages that are repeated."""
        self.told += [(socket, one) for one in told]
        if self._telling is None:
            self._telling = asyncio.ensure_future(self._tell_on())
        return told

    def close(self) -> None:
        """Tell nothing any more."""
        if self._telling is not None:
            self._telling.cancel()

    async def _tell_on(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            for socket, one in list(self.told):
                with suppress(ConnectionError):
                    await self.say(socket, one)

    def best(self, name: str) -> tuple[list[str], list[str]]:
        """Bid and ask of a pair, each with an amount."""
        market = self.wire.market(name)
        return [f"{market.bid:f}", "5"], [f"{market.ask:f}", "7"]


class OkxQuotes(Quotes):
    path = "/ws/v5/public"

    def heard(self, socket: Any, text: str) -> list[Any]:
        if text == "ping":
            return ["pong"]
        args = json.loads(text)["args"]
        self.asked.append([arg["instId"] for arg in args])
        told = []
        for arg in args:
            bid, ask = self.best(arg["instId"])
            row = {"asks": [[*ask, "0", "1"]], "bids": [[*bid, "0", "1"]], "ts": str(self.wire.core.ms()), "seqId": 1}
            told.append({"arg": arg, "data": [row]})
        acks: list[Any] = [{"event": "subscribe", "arg": arg, "connId": "c"} for arg in args]
        return acks + self.again(socket, told)


class BybitQuotes(Quotes):
    path = "/v5/public/spot"

    def heard(self, socket: Any, text: str) -> list[Any]:
        asked = json.loads(text)
        if asked["op"] == "ping":
            return [{"success": True, "ret_msg": "pong", "conn_id": "c", "op": "ping"}]
        answer = {"success": True, "ret_msg": "subscribe", "conn_id": "c", "req_id": asked["req_id"], "op": "subscribe"}
        if len(asked["args"]) > 10:
            return [{**answer, "success": False, "ret_msg": "args size >10"}]
        self.asked.append(asked["args"])
        told = []
        for topic in asked["args"]:
            name = topic.rpartition(".")[2]
            bid, ask = self.best(name)
            book = {"s": name, "b": [bid], "a": [ask], "u": 1, "seq": 1}
            told.append({"topic": topic, "type": "snapshot", "ts": self.wire.core.ms(), "data": book})
        return [answer, *self.again(socket, told)]


class KucoinQuotes(Quotes):
    path = "/endpoint"

    def routes_add(self) -> None:
        self.wire.routes["POST /api/v1/bullet-public"] = self.bullet
        self.wire.public = (*self.wire.public, "/api/v1/bullet-public")

    def bullet(self, _asked: Any) -> Any:
        server = {"endpoint": f"ws://127.0.0.1:{self.wire.port}{self.path}", "encrypt": True, "protocol": "websocket",
                  "pingInterval": 18000, "pingTimeout": 10000}  # fmt: skip
        return {"code": "200000", "data": {"token": "public-token", "instanceServers": [server]}}

    async def opened(self, socket: Any, request: Any) -> None:
        await self.say(socket, {"id": request.query["connectId"], "type": "welcome"})

    def heard(self, socket: Any, text: str) -> list[Any]:
        asked = json.loads(text)
        if asked["type"] == "ping":
            return [{"id": asked["id"], "type": "pong", "timestamp": self.wire.core.ms()}]
        channel, _, names = asked["topic"].partition(":")
        assert channel == "/spotMarket/level1"
        self.asked.append(names.split(","))
        told = []
        for name in self.asked[-1]:
            bid, ask = self.best(name)
            data = {"asks": ask, "bids": bid, "timestamp": self.wire.core.ms()}
            told.append({"topic": f"{channel}:{name}", "type": "message", "subject": "level1", "data": data})
        return [{"id": asked["id"], "type": "ack"}, *self.again(socket, told)]


class MexcQuotes(Quotes):
    """By REST: one request for all."""

    def routes_add(self) -> None:
        path = "/api/v3/ticker/bookTicker"
        self.wire.routes[f"GET {path}"] = self.books
        self.wire.public = (*self.wire.public, path)

    def books(self, _asked: Any) -> Any:
        self.asked.append(["all"])
        rows = []
        for market in self.wire.core.markets.values():
            (bid, bid_size), (ask, ask_size) = self.best(market.id)
            rows.append({"symbol": market.id, "bidPrice": bid, "bidQty": bid_size, "askPrice": ask, "askQty": ask_size})
        return rows


QUOTES = {"okx": OkxQuotes, "bybit": BybitQuotes, "kucoin": KucoinQuotes, "mexc": MexcQuotes}
