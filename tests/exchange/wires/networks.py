"""An exchange's main network and its test network, each a server of its own, behind the names that they have in the
field."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.exchange.other_binance import OtherBinance
from tests.exchange.other_server import OtherServer
from tests.exchange.refusals import Refusal
from tests.exchange.wires import WIRES
from tests.exchange.wires.base import KEY, SECRET, Answer, Wire
from tests.exchange.wires.hosts import Heard, Hosts
from tests.exchange.wires.streams import STREAMS

SIMULATED = "x-simulated-trading"
KEY_HEADERS = ("x-mbx-apikey", "x-bapi-api-key", "ok-access-key", "kc-api-key", "x-mexc-apikey")

BALANCES = {"bybit": "GET /v5/account/wallet-balance", "okx": "GET /api/v5/account/balance"}
TOO_MANY = {
    "bybit": Answer("403, access too frequent", 403),
    "okx": Answer({"code": "50011", "data": [], "msg": "Too Many Requests"}, 429),
}


@dataclass(frozen=True, slots=True)
class Names:
    """Hosts of one exchange: REST and the user stream's, and the same of its test network ("": it has none)."""

    rest: str
    socket: str
    test_rest: str = ""
    test_socket: str = ""


NAMES = {
    "binance": Names(
        "api.binance.com", "ws-api.binance.com", "testnet.binance.vision", "ws-api.testnet.binance.vision"
    ),
    "bybit": Names("api.bybit.com", "stream.bybit.com", "api-testnet.bybit.com", "stream-testnet.bybit.com"),
    "okx": Names("www.okx.com", "ws.okx.com", "www.okx.com", "wspap.okx.com"),
    "kucoin": Names("api.kucoin.com", "ws-api-spot.kucoin.com"),
    "mexc": Names("api.mexc.com", "wbs-api.mexc.com"),
}


class Binance:
    """The other Binance with the account of `wires`, shaped like them."""

    exchange, has_passphrase = "binance", False
    market = Wire.market

    def __init__(self, core: OtherBinance) -> None:
        self.core, self.server = core, OtherServer(core)
        core.account_add(KEY, SECRET, USDT="5000")

    def __enter__(self) -> str:
        return self.server.__enter__()

    def __exit__(self, *_: Any) -> None:
        self.server.__exit__()

    @property
    def port(self) -> int:
        """Of REST and of sockets."""
        return int(self.server.port)

    def limited(self) -> None:
        """Every further request for the balances is one too many."""

        def refused(_key: str) -> Any:
            raise Refusal(-1003, "Too much request weight used.", 429)

        self.core.balances = refused  # type: ignore[method-assign]


class BinanceStream:
    """Its user-data sockets, shaped like `wires.streams`."""

    def __init__(self, binance: Binance) -> None:
        self.binance = binance

    @property
    def ready(self) -> list[Any]:
        """Sockets that are subscribed."""
        return list(self.binance.core.private)

    def tell(self) -> None:
        """An order is placed by hand; its event follows."""
        market = self.binance.core.markets["ETHUSDT"]
        price = f"{market.bid - market.tick * 2000:f}"
        order = {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.05", "price": price}

        async def place() -> None:
            self.binance.core.order_new(KEY, order)

        asyncio.run_coroutine_threadsafe(place(), self.binance.server.loop).result(5)


class Network:
    """Both networks of one exchange: `main` and `test` (None where it has none), `hosts` between them and us."""

    def __init__(self, exchange: str, folder: Path) -> None:
        self.exchange, self.names = exchange, NAMES[exchange]
        self.main = self._server()
        self.test = self._server() if self.names.test_rest else None
        if self.names.rest == self.names.test_rest:
            self._told_apart_by_a_header()
        self.folder = folder

    def _server(self) -> Any:
        made: Any = WIRES.get(self.exchange, Binance)
        server = made(OtherBinance(volatility=0.0005))
        stream: Any = STREAMS.get(self.exchange, BinanceStream)
        server.stream = stream(server)
        return server

    def _told_apart_by_a_header(self) -> None:
        own, other = self.main._handle, self.test._handle

        async def handle(request: Any) -> Any:
            simulated = request.headers.get(SIMULATED) == "1" and "Upgrade" not in request.headers
            return await (other if simulated else own)(request)

        self.main._handle = handle

    def __enter__(self) -> "Network":
        ports: dict[str, int] = {}
        for server, rest, sockets in (
            (self.test, self.names.test_rest, self.names.test_socket),
            (self.main, self.names.rest, self.names.socket),
        ):
            if server is not None:
                server.__enter__()
                ports |= {rest: server.port, sockets: server.port}
        if self.exchange == "kucoin":
            self.main.stream.elsewhere = f"wss://{self.names.socket}{self.main.stream.path}"
        self.hosts = Hosts(self.folder, ports)
        self.hosts.__enter__()
        return self

    def __exit__(self, *_: Any) -> None:
        self.hosts.__exit__()
        for server in (self.main, self.test):
            if server is not None:
                server.__exit__()

    def served(self, mode: str) -> Any:
        """The server that an account of this mode is at."""
        return self.test if mode == "testnet" else self.main

    def test_limited(self) -> None:
        """The test network has had too many requests: balances are answered so."""
        if isinstance(self.test, Binance):
            self.test.limited()
        else:
            self.test.scripted[BALANCES[self.exchange]] = TOO_MANY[self.exchange]

    def heard(self, *, test: bool) -> list[Heard]:
        """Requests that went to one of the networks; a host of both tells by the header which was meant."""
        of_test = (self.names.test_rest, self.names.test_socket)
        if self.names.rest != self.names.test_rest:
            return [one for one in self.hosts.heard if (one.host in of_test) == test]
        simulated = [one for one in self.hosts.heard if SIMULATED in one.headers or one.host == self.names.test_socket]
        return simulated if test else [one for one in self.hosts.heard if one not in simulated]

    @staticmethod
    def signed(heard: list[Heard]) -> list[Heard]:
        """Those with a key."""
        return [one for one in heard if any(name in one.headers for name in KEY_HEADERS)]
