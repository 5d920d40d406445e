"""A process of its own: drives every ccxt client against a local server and prints every address that was dialled.

Run by `test_dialling.py`. An audit hook, which Python code cannot remove, records each connect and each name lookup.
"""

import asyncio
import json
import os
import sys
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xray_site.settings")
# What a careless shell may export: must not be taken as a way out.
os.environ |= {
    "HTTP_PROXY": "http://127.0.0.1:7",
    "HTTPS_PROXY": "http://127.0.0.1:7",
    "ALL_PROXY": "http://127.0.0.1:7",
}

SEEN: list[tuple[str, Any]] = []


def hook(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(args[1], tuple):
        SEEN.append(("connect", f"{args[1][0]}:{args[1][1]}"))
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        SEEN.append(("lookup", str(args[0])))


sys.addaudithook(hook)

import aiohttp  # noqa: E402
import aiohttp.connector  # noqa: E402
from aiohttp import web  # noqa: E402

aiohttp.connector.DefaultResolver = aiohttp.ThreadedResolver  # lookups by c-ares would be invisible to the hook

MODE = {"answer": "empty", "elsewhere": ""}
COUNTS = {"rest": 0, "ws": 0}


async def answer(request: web.Request) -> web.StreamResponse:
    if request.headers.get("Upgrade", "").lower() == "websocket":
        COUNTS["ws"] += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.close()
        return socket
    COUNTS["rest"] += 1
    if MODE["answer"] == "redirect":
        raise web.HTTPTemporaryRedirect(MODE["elsewhere"] + "/away")
    if MODE["answer"] == "garbage":
        return web.Response(text="<html>busy</html>", status=503)
    socket_host = MODE["elsewhere"] if MODE["answer"] == "away" else f"http://{request.host}"
    server = {"endpoint": socket_host.replace("http", "ws"), "pingInterval": 10000}
    body = {"code": "200000", "retCode": 0, "data": {"instanceServers": [server], "token": "t"}, "result": {}}
    return web.json_response(body)


async def served(app_answer: Any) -> tuple[web.AppRunner, str]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", app_answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = site._server.sockets[0].getsockname()[:2]  # type: ignore[union-attr]
    return runner, f"http://{host}:{port}"


async def quietly(call: Any) -> str:
    """Whatever it does, it must end soon and dial nothing else."""
    try:
        await asyncio.wait_for(call, 0.6)
    except BaseException as error:
        return type(error).__name__
    return "ok"


def market(client: Any) -> list[Any]:
    row = {"id": "BTCUSDT", "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "baseId": "BTC", "quoteId": "USDT"}
    kind = {"type": "spot", "spot": True, "contract": False, "active": True, "swap": False, "future": False}
    numbers = {"precision": {"amount": 0.00001, "price": 0.01}, "limits": {"cost": {}, "amount": {}, "price": {}}}
    return [client.safe_market_structure(row | kind | numbers)]


async def used(client: Any, stream: Any) -> None:
    """The unified calls of a trading day, and the sockets."""
    await quietly(client.load_markets())
    for one in (client, stream):
        one.set_markets(market(one))
    order = ("BTC/USDT", "limit", "buy", 1, 2)
    await asyncio.gather(
        *(quietly(getattr(client, name)("BTC/USDT")) for name in ("fetch_ticker", "fetch_order_book", "fetch_ohlcv")),
        *(
            quietly(getattr(client, name)())
            for name in ("fetch_time", "fetch_balance", "fetch_currencies", "fetch_status")
        ),
        *(
            quietly(getattr(client, name)("BTC/USDT"))
            for name in ("fetch_open_orders", "fetch_my_trades", "fetch_orders")
        ),
        quietly(client.create_order(*order)),
        quietly(client.cancel_order("1", "BTC/USDT")),
        *(quietly(getattr(stream, name)("BTC/USDT")) for name in ("watch_ticker", "watch_trades", "watch_order_book")),
        quietly(stream.watch_ohlcv("BTC/USDT", "1m")),
        quietly(stream.watch_tickers(["BTC/USDT"])),
        *(quietly(getattr(stream, name)()) for name in ("watch_orders", "watch_balance", "watch_my_trades")),
    )


async def every_endpoint(client: Any) -> int:
    """Every endpoint that ccxt knows of this exchange, margin, futures and withdrawals too."""
    from importlib import import_module

    implicit = import_module(f"ccxt.abstract.{client.id}").ImplicitAPI
    names = [name for name in vars(implicit) if not name.startswith("__") and "_" not in name]
    for start in range(0, len(names), 50):
        await asyncio.gather(*(quietly(getattr(client, name)({})) for name in names[start : start + 50]))
    return len(names)


async def no_wait(*_args: Any, **_more: Any) -> None:
    """Everybody's turn at once."""


async def main(exchange: str, guarded: bool) -> dict[str, Any]:
    import django
    from django.conf import settings

    MODE["answer"] = "empty"
    away_runner, away = await served(lambda _request: web.json_response({"away": True}))
    runner, here = await served(answer)
    MODE["elsewhere"] = away
    settings.XRAY_EXCHANGE_ENDPOINTS = json.dumps({exchange: {"rest": here}})
    settings.XRAY_EXCHANGE_TIMEOUT_S = 2.0
    settings.INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "accounts"]
    if not django.apps.apps.ready:
        django.setup()
    from accounts.crypto import seal
    from accounts.exchanges import budget, sealing
    from accounts.exchanges.factory import account_client, account_stream_client, clients_close
    from accounts.models import ExchangeAccount

    if not guarded:
        sealing._dial_check = lambda *_args: None  # type: ignore[assignment]
    budget.spend = no_wait  # type: ignore[assignment]
    budget.ban_set = lambda *_args, **_more: None  # type: ignore[assignment]
    sealed = seal({"api_key": "k" * 32, "api_secret": "czM=" * 8, "passphrase": "p"})
    account = ExchangeAccount(pk=1, exchange=exchange, mode="practice", sealed_credentials=sealed)
    client, stream = account_client(account), account_stream_client(account)
    SEEN.clear()
    COUNTS.update(rest=0, ws=0)
    for mode in ("empty", "garbage", "redirect", "away"):
        MODE["answer"] = mode
        await used(client, stream)
    MODE["answer"] = "empty"
    endpoints = await every_endpoint(client)
    counts = dict(COUNTS)
    await clients_close()
    seen = sorted({f"{kind} {where}" for kind, where in SEEN})
    for one in (runner, away_runner):
        await one.cleanup()
    return {"exchange": exchange, "here": here, "away": away, "seen": seen, "endpoints": endpoints, **counts}


if __name__ == "__main__":
    for name in sys.argv[1].split(","):
        print("RESULT " + json.dumps(asyncio.run(main(name, "unguarded" not in sys.argv))), flush=True)
