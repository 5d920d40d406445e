"""What all wires share: an HTTP server on a thread of its own, faults on orders, and the core's orders by any id."""

import asyncio
import json
import threading
from collections import defaultdict
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from tests.exchange.other_binance import OtherBinance
from tests.exchange.refusals import Refusal

D = Decimal
KEY, SECRET, PASSPHRASE = "wire-key-1", "d2lyZS1zZWNyZXQ=", "wire-pass"
OPEN = ("NEW", "PARTIALLY_FILLED")
TICK_S = 0.25


class Answer(Exception):
    """An answer that ends the request: a refusal in the exchange's own words."""

    def __init__(self, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.body, self.status, self.headers = body, status, headers or {}


class Asked:
    """One request: its path, parameters (of the query and of a form), JSON body, and what was signed."""

    def __init__(self, request: web.Request, body: str) -> None:
        self.method, self.path, self.query = request.method, request.path, request.rel_url.raw_query_string
        self.headers, self.body = request.headers, body
        self.json: Any = json.loads(body) if body[:1] in ("{", "[") else None
        form = parse_qsl(body) if self.json is None else []
        self.p = {**dict(parse_qsl(self.query)), **dict(form), **(self.json if isinstance(self.json, dict) else {})}

    @property
    def target(self) -> str:
        """Path and query, as they were sent."""
        return f"{self.path}?{self.query}" if self.query else self.path


class Wire:
    """`with Okx(core) as url:` serves it. Subclasses fill `routes`: "GET /path" -> method(asked)."""

    exchange, has_passphrase = "", False
    unlisted = False  # where a stop that has sold is looked for first says that there is none
    public: tuple[str, ...] = ()

    def __init__(self, core: OtherBinance) -> None:
        self.core, self.faults, self.faults_of_stops = core, defaultdict(int), defaultdict(int)
        self.seen: list[str] = []
        self.spoiler: Any = None  # is handed what is answered to signed requests, and says what is sent instead
        self.scripted: dict[str, Answer] = {}  # by "METHOD /path": answered instead
        core.account_add(KEY, SECRET, USDT="5000")
        self.routes: dict[str, Any] = {}
        self.stream: Any = None  # see `wires.streams`
        self.loop, self.ready = asyncio.new_event_loop(), threading.Event()

    def __enter__(self) -> str:
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(self._serve(),), daemon=True)
        self.thread.start()
        assert self.ready.wait(30)
        return f"http://127.0.0.1:{self.port}"

    def __exit__(self, *_: Any) -> None:
        self.loop.call_soon_threadsafe(self.stopping.set)
        self.thread.join(10)

    async def _serve(self) -> None:
        self.stopping = asyncio.Event()
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._handle)
        runner = web.AppRunner(app, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self.ready.set()
        while not self.stopping.is_set():
            self.core.tick(TICK_S)
            try:
                await asyncio.wait_for(self.stopping.wait(), TICK_S)
            except TimeoutError:
                continue
        if self.stream is not None:
            self.stream.close()
        await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if self.stream is not None and request.headers.get("Upgrade", "").lower() == "websocket":
            return await self.stream.serve(request)  # type: ignore[no-any-return]
        asked = Asked(request, await request.text())
        name = f"{asked.method} {asked.path}"
        self.seen.append(name)
        try:
            if (scripted := self.scripted.get(name)) is not None:
                raise scripted
            handler, rest = self._route(asked)
            if handler is None:
                return web.Response(status=404, text="<html>404 Not Found</html>", content_type="text/html")
            if asked.path not in self.public:
                self.check(asked)
            if self._lost(asked):
                request.transport.abort()  # type: ignore[union-attr]
                return web.Response()
            answer = handler(asked, *rest)
        except Answer as refused:
            return web.json_response(refused.body, status=refused.status, headers=refused.headers)
        except Refusal as refused:
            answer = self.refusal(refused.body["code"], refused.body["msg"])
            return web.json_response(answer.body, status=answer.status)
        return await self._broken(request, asked) or self._said(asked, answer)

    def _said(self, asked: Asked, answer: Any) -> web.Response:
        if self.spoiler is None or asked.path in self.public:
            return web.json_response(answer)
        body = self.spoiler(json.dumps(answer).encode())
        return web.Response(body=body, content_type="application/json")

    def _route(self, asked: Asked) -> tuple[Any, tuple[str, ...]]:
        handler = self.routes.get(f"{asked.method} {asked.path}")
        if handler is not None:
            return handler, ()
        head, _, last = asked.path.rpartition("/")
        return self.routes.get(f"{asked.method} {head}/*"), (last,)

    def _faults_of(self, asked: Asked) -> dict[str, int]:
        name = f"{asked.method} {asked.path}"
        return self.faults_of_stops if self.is_stop(name, asked) else self.faults if name == self.order_route else {}

    def _lost(self, asked: Asked) -> bool:
        """A fault on new orders: the request does not arrive."""
        faults = self._faults_of(asked)
        if not faults.get("lost"):
            return False
        faults["lost"] -= 1
        return True

    async def _broken(self, request: web.Request, asked: Asked) -> web.StreamResponse | None:
        """Faults on new orders, after they were accepted."""
        faults = self._faults_of(asked)
        fault = next((f for f in ("502", "empty", "reset") if faults.get(f)), "")
        if fault:
            faults[fault] -= 1
        if fault == "reset" and request.transport is not None:
            request.transport.abort()
        if fault == "502":
            return web.Response(status=502, text="<html>502 Bad Gateway</html>", content_type="text/html")
        return web.Response(status=200) if fault else None

    order_route = stop_route = ""

    def is_stop(self, name: str, _asked: Asked) -> bool:
        """Whether the request places a stop."""
        return name == self.stop_route

    def check(self, asked: Asked) -> None:
        """Raise Answer when the request is not signed as this exchange wants it."""
        raise NotImplementedError

    def refusal(self, code: int, message: str) -> Answer:
        """A refusal of the core (Binance's code) in this exchange's words."""
        raise NotImplementedError

    # -- the core -----------------------------------------------------------------------------------------------------

    def market(self, name: str) -> Any:
        """By this exchange's own name of a pair."""
        return self.core._market({"symbol": name.replace("-", "")})

    def symbol(self, market: Any) -> str:
        """This exchange's own name of a pair."""
        return str(market.id)

    def place(self, **p: Any) -> Any:
        """A new order in the core's words; ids are kept by the account, open or closed or not."""
        return self.core.order_new(KEY, p)

    def mine(self) -> list[Any]:
        """All orders, newest first."""
        return list(reversed(self.core.orders))

    def found(self, *, id: str = "", client: str = "") -> Any:
        """An order by one of its ids, or None."""
        return next((o for o in self.mine() if (id and str(o["id"]) == id) or (client and o["client"] == client)), None)

    def cancelled(self, order: Any) -> Any:
        """Cancel it. Raises Refusal -2011 when it is closed."""
        return self.core.order_cancel(KEY, {"symbol": order["market"].id, "orderId": str(order["id"])})

    def fills(self, order: Any = None) -> list[Any]:
        """Of an order, or all of them, oldest first."""
        return [fill for fill in self.core.fills if order is None or fill["order"] is order]

    def fee(self, order: Any) -> tuple[Decimal, str]:
        """What an order has cost in fees, and in which coin."""
        rows = self.fills(order)
        return sum((row["fee"] for row in rows), D(0)), rows[0]["fee_coin"] if rows else ""

    @staticmethod
    def average(order: Any) -> str:
        """Average price of what was filled; empty before."""
        return f"{order['cost'] / order['filled']:f}" if order["filled"] else ""
