"""The practice exchange as a process: arguments, HTTP, start and stop.

    python manage.py practice_exchange --port 9400 --seed 7 --speed 60
    python -m trading.practice.server --port 9400 --data FOLDER --accounts accounts.json

``--accounts`` is a JSON list of
``{"key": "...", "secret": "...", "permissions": ["spot", "read"], "balances": {"USDT": "10000"}}``.
"""

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TextIO
from urllib.parse import parse_qsl

from aiohttp import web

from trading.practice import rest_lists, rest_private, rest_public, sockets
from trading.practice.acts import Stage
from trading.practice.admin import Admin, accounts_load
from trading.practice.errors import StartError, not_found
from trading.practice.exchange import Exchange
from trading.practice.faults import Desk
from trading.practice.gateway import Answer, Gateway, Request
from trading.practice.hub import Hub
from trading.practice.limits import WEIGHT_LIMIT
from trading.practice.market import Market
from trading.practice.market_pack import market_load
from trading.practice.store import Store

ENDPOINTS = rest_public.ENDPOINTS + rest_private.ENDPOINTS + rest_lists.ENDPOINTS + sockets.ENDPOINTS
DEFAULT_STATE = Path("var/practice/state.sqlite3")
SLOWEST, FASTEST = 1, 3600


@dataclass(frozen=True)
class Options:
    """The command line."""

    host: str
    port: int
    seed: int
    speed: Fraction
    data: Path | None
    state: Path
    accounts: Path | None
    weight_limit: int


def _speed(text: str) -> Fraction:
    try:
        speed = Fraction(text).limit_denominator(1000)
    except (ValueError, ZeroDivisionError):
        speed = Fraction(0)
    if not SLOWEST <= speed <= FASTEST:
        raise argparse.ArgumentTypeError(f"{text!r}: a number from {SLOWEST} to {FASTEST}, market time per real time")
    return speed


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r}: a whole number from {low} to {high}")
        return int(text)

    return parse


def parse_options(argv: list[str]) -> Options:
    """Read the command line; exits with code 2 and what is allowed when it is wrong."""
    parser = argparse.ArgumentParser("practice_exchange", description="A Binance spot exchange to practise on.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_whole(0, 65535), default=9400, help="0 lets the system choose")
    parser.add_argument("--seed", type=_whole(0, 2**31), default=7, help="of the synthetic market")
    parser.add_argument("--speed", type=_speed, default=Fraction(60), help="market time per real time")
    parser.add_argument("--data", type=Path, help="folder of <BASE>_<QUOTE>.parquet to replay")
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, help="SQLite file of accounts and orders")
    parser.add_argument("--accounts", type=Path, help="JSON file of accounts to create")
    parser.add_argument("--weight-limit", type=_whole(1, 10**9), default=WEIGHT_LIMIT, help="per minute and address")
    return Options(**vars(parser.parse_args(argv)))


class Server:
    """HTTP and websockets around one exchange."""

    def __init__(self, exchange: Exchange, weight_limit: int = WEIGHT_LIMIT, admin_token: str | None = None) -> None:
        self.exchange = exchange
        self.gateway = Gateway(exchange, ENDPOINTS, weight_limit)
        self.hub = Hub(exchange)
        self.faults = Desk(self.gateway, self.hub)
        self.gateway.interceptor = self.faults
        self._admin = Admin(exchange, admin_token, self.faults, Stage(exchange, self.hub))

    def application(self) -> web.Application:
        """The routes; whatever is no socket and no admin page is looked up among the endpoints."""
        app = web.Application()
        market = sockets.MarketSocket(self.gateway, self.hub).serve
        app.add_routes(self._admin.routes())
        for path in ("/ws", "/ws/{names:.*}", "/stream", "/stream/{names:.*}"):
            app.router.add_get(path, market)
        app.router.add_get("/ws-api/v3", sockets.WsApi(self.gateway, self.hub).serve)
        app.router.add_route("*", "/{path:.*}", self._rest)
        return app

    async def _rest(self, request: web.Request) -> web.Response:
        endpoint = self.gateway.rest.get((request.method, request.path))
        if endpoint is None:
            return _response(Answer(404, not_found().body()))
        query, body = request.rel_url.raw_query_string, await request.text()
        params = dict(parse_qsl(query) + parse_qsl(body))
        signed = _unsigned(query) + _unsigned(body)
        key, signature = request.headers.get("X-MBX-APIKEY"), params.get("signature")
        wanted = Request(endpoint, params, key, signed, signature, request.remote or "", "rest")
        answer = await self.gateway(wanted)
        if answer.cut and request.transport is not None:
            request.transport.abort()
        return _response(answer)


def _unsigned(text: str) -> str:
    """What the signature covers: the raw text without the signature itself."""
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))


def _response(answer: Answer) -> web.Response:
    headers = {"Content-Type": "application/json"} | answer.headers
    return web.Response(status=answer.status, body=answer.text(), headers=headers)


def _listen(options: Options) -> socket.socket:
    try:
        return socket.create_server((options.host, options.port))
    except OSError as error:
        raise StartError(f"{options.host}:{options.port} cannot be used: {error.strerror}") from None


async def serve(options: Options) -> None:
    """Run until SIGINT or SIGTERM; raises StartError when it cannot start."""
    listening = _listen(options)  # before the market: a taken port is told at once
    market = Market(market_load(options.seed, options.data), options.speed)
    store = Store(options.state, f"{market.name} speed {options.speed}")
    exchange = Exchange(market, store)
    if options.accounts:
        accounts_load(exchange, options.accounts)
    server = Server(exchange, options.weight_limit, os.environ.get("PRACTICE_ADMIN_TOKEN"))
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    host, port = listening.getsockname()[:2]
    count = len(market.listings)
    _say(sys.stdout, f"http://{host}:{port}, {count} symbols, {_told(options)}")
    pulse = asyncio.create_task(server.hub.run())
    await _stopped()
    pulse.cancel()
    await server.hub.close()
    await runner.cleanup()
    store.close()


def _say(stream: TextIO, text: str) -> None:
    stream.write(f"practice exchange: {text}\n")
    stream.flush()


def _told(options: Options) -> str:
    data = f"data {options.data.name}, " if options.data else ""
    return f"{data}seed {options.seed}, speed {float(options.speed):g}"


async def _stopped() -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


def main(argv: list[str]) -> int:
    """Start the exchange with the given arguments; returns the exit code (2: could not start)."""
    logging.basicConfig(level=logging.WARNING, format="practice exchange: %(levelname)s %(message)s")
    options = parse_options(argv)
    try:
        asyncio.run(serve(options))
    except StartError as error:
        _say(sys.stderr, str(error))
        return 2
    except KeyboardInterrupt:  # while the market was still loading
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
