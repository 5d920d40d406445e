"""Clients against a small local server: sealing, sharing of markets, time-outs, bans, refusals by mode."""

import asyncio
import json
import time
from typing import Any

import pytest
from aiohttp import web

from accounts.crypto import seal
from accounts.exchanges import budget, clocks, sealing
from accounts.exchanges.errors import ExchangeAmbiguous, ExchangeRefused, ExchangeRetry, ExchangeStopped, translated
from accounts.exchanges.factory import account_client, client_forget, clients_close, public_client
from accounts.exchanges.loop import run
from accounts.exchanges.modes import mode_check
from accounts.models import ExchangeAccount

SYMBOL = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "isSpotTradingAllowed": True,
    "permissionSets": [["SPOT"]],
    "filters": [{"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"}],
}


class Server:
    """Answers as Binance does, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.special: dict[str, Any] = {}
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, request.headers.get("X-MBX-APIKEY", "")))
        if request.path in self.special:
            return await self.special[request.path](request)
        bodies = {
            "/api/v3/time": {"serverTime": 1},
            "/api/v3/exchangeInfo": {"symbols": [SYMBOL], "timezone": "UTC"},
            "/api/v3/account": {"balances": [], "canTrade": True},
        }
        return web.json_response(bodies.get(request.path, {}))

    def paths(self) -> list[str]:
        return [path for path, _key in self.asked]


@pytest.fixture
async def server(settings):
    budget.budgets_forget()
    clocks.forget()
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    server.url = f"http://127.0.0.1:{port}"
    settings.XRAY_EXCHANGE_ENDPOINTS = json.dumps({"binance": {"rest": server.url}})
    yield server
    await clients_close()
    await runner.cleanup()
    budget.budgets_forget()


def _account(pk: int = 1, key: str = "k" * 20, **more: Any) -> ExchangeAccount:
    sealed = seal({"api_key": key, "api_secret": "s" * 20})
    return ExchangeAccount(
        **{"pk": pk, "exchange": "binance", "mode": "practice", "sealed_credentials": sealed, **more}
    )


async def test_clients_are_reused_and_markets_loaded_once(server: Server) -> None:
    first, second = _account(1, "a" * 20), _account(2, "b" * 20)
    assert public_client("binance") is public_client("binance")
    assert account_client(first) is account_client(first)
    assert account_client(first) is not account_client(second)
    for account in (first, second):
        await account_client(account).fetch_balance()
    assert sorted(server.paths()) == ["/api/v3/account"] * 2 + ["/api/v3/exchangeInfo"] * 2 + ["/api/v3/time"]
    assert {key for path, key in server.asked if path == "/api/v3/account"} == {"a" * 20, "b" * 20}
    assert {key for path, key in server.asked if path != "/api/v3/account"} == {""}


async def test_replaced_keys_are_taken_without_a_restart(server: Server) -> None:
    account = _account(1, "a" * 20)
    old = account_client(account)
    account.sealed_credentials = seal({"api_key": "b" * 20, "api_secret": "s"})
    assert account_client(account) is not old
    assert account_client(account).apiKey == "b" * 20
    client_forget(account)
    assert account_client(account).apiKey == "b" * 20


async def test_retry_after_is_obeyed_by_everybody(server: Server) -> None:
    async def busy(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"code": -1003, "msg": "Too many"}, status=429, headers={"Retry-After": "33"})

    server.special["/api/v3/time"] = busy
    with pytest.raises(ExchangeRetry) as found, translated():
        await public_client("binance").fetch_time()
    assert 32 < found.value.retry_after_s <= 33
    asked = len(server.asked)
    with pytest.raises(ExchangeRetry), translated():
        await account_client(_account()).fetch_balance()
    assert len(server.asked) == asked, "nothing is sent during a ban"


async def test_an_answer_that_never_comes_is_ambiguous(server: Server, settings) -> None:
    settings.XRAY_EXCHANGE_TIMEOUT_S = 0.2

    async def never(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(2)
        return web.json_response({})

    server.special["/api/v3/time"] = never
    with pytest.raises(ExchangeAmbiguous), translated():
        await public_client("binance").fetch_time()


CHECK = "instead of data: check its address"


@pytest.mark.parametrize(
    ("body", "words"),
    [("", CHECK), ("<html>Welcome</html>", CHECK), ('[{"orderId": 1, "pr', "breaks off in the middle")],
)
async def test_an_answer_without_data_is_no_empty_list(server: Server, body: str, words: str) -> None:
    async def page(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=body, content_type="text/html")

    client = account_client(_account())
    await client.load_markets()
    server.special["/api/v3/openOrders"] = server.special["/api/v3/account"] = page
    for asked in (client.fetch_open_orders("BTC/USDT"), client.fetch_balance()):
        with pytest.raises(ExchangeAmbiguous, match=words), translated():
            await asked


async def test_a_redirect_elsewhere_is_refused(server: Server) -> None:
    async def away(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("http://127.0.0.1:1/")

    server.special["/api/v3/time"] = away
    with pytest.raises(ExchangeRefused, match="was not dialled"), translated():
        await public_client("binance").fetch_time()


async def test_spot_error_codes_hold_behind_another_host(server: Server) -> None:
    async def no_key(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"code": -2008, "msg": "Invalid Api-Key ID."}, status=400)

    server.special["/api/v3/account"] = no_key
    with pytest.raises(ExchangeStopped), translated():
        await account_client(_account()).fetch_balance()


async def test_retries_of_ccxt_are_off_and_proxies_ignored(server: Server, monkeypatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    client = account_client(_account())
    assert client.options["maxRetriesOnFailure"] == 0
    assert client.enableRateLimit and client.session.trust_env is False
    assert sealing.addresses_of(client) == {("127.0.0.1", int(server.url.rsplit(":", 1)[1]))}
    await client.fetch_time()


def test_without_an_override_only_the_exchanges_own_hosts(settings) -> None:
    settings.XRAY_EXCHANGE_ENDPOINTS = ""

    async def hosts(exchange: str) -> set[str]:
        found = {host for host, _port in sealing.addresses_of(public_client(exchange))}
        await clients_close()
        return found

    assert "api.binance.com" in run(hosts("binance"), timeout_s=30)
    assert all(host.endswith("bybit.com") for host in run(hosts("bybit"), timeout_s=30))
    assert run(hosts("okx"), timeout_s=30) == {"www.okx.com"}


def test_outside_of_a_loop_the_message_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match=r"loop\.run"):
        public_client("binance")


@pytest.mark.parametrize(
    ("mode", "override", "deployment", "own", "words"),
    [
        ("paper", False, True, True, "has no keys"),
        ("practice", False, True, True, "set XRAY_EXCHANGE_ENDPOINTS"),
        ("practice", True, False, False, ""),
        ("testnet", True, True, True, "testnet is refused"),
        ("testnet", False, False, False, ""),
        ("live", True, True, True, "live is refused"),
        ("live", False, False, True, "XRAY_LIVE_TRADING=1"),
        ("live", False, True, False, "owner must switch it on"),
        ("live", False, True, True, ""),
    ],
)
def test_modes(settings, mode: str, override: bool, deployment: bool, own: bool, words: str) -> None:
    settings.XRAY_EXCHANGE_ENDPOINTS = json.dumps({"binance": {"rest": "http://127.0.0.1:1"}}) if override else ""
    settings.XRAY_LIVE_TRADING = deployment
    if not words:
        mode_check(exchange="binance", mode=mode, live_enabled=own)
        return
    with pytest.raises(ExchangeRefused, match=words):
        mode_check(exchange="binance", mode=mode, live_enabled=own)


def test_no_testnet_where_there_is_none(settings) -> None:
    settings.XRAY_EXCHANGE_ENDPOINTS = ""
    for exchange in ("kucoin", "mexc"):
        with pytest.raises(ExchangeRefused, match="no test network"):
            mode_check(exchange=exchange, mode="testnet", live_enabled=False)


async def test_refused_accounts(server: Server) -> None:
    with pytest.raises(ExchangeRefused):
        account_client(_account(mode="live", live_enabled=True))
    with pytest.raises(ExchangeStopped, match="no API keys"):
        account_client(_account(sealed_credentials=""))
    with pytest.raises(ExchangeStopped, match="no API keys"):
        account_client(_account(status="removed"))


async def test_testnet_asks_the_test_network(settings) -> None:
    settings.XRAY_EXCHANGE_ENDPOINTS = ""
    client = account_client(_account(mode="testnet"))
    assert "testnet" in client.urls["api"]["private"]
    assert not any("api.binance.com" in host for host, _port in sealing.addresses_of(client))
    await clients_close()


def test_run_gives_results_errors_and_time_outs() -> None:
    async def value() -> int:
        return 7

    async def wrong() -> int:
        raise ValueError("wrong")

    assert run(value(), timeout_s=5) == 7
    with pytest.raises(ValueError, match="wrong"):
        run(wrong(), timeout_s=5)
    with pytest.raises(ExchangeAmbiguous, match="look it up"):
        run(asyncio.sleep(30), timeout_s=0.05)


def test_run_inside_its_own_loop_is_refused() -> None:
    async def inner() -> None:
        run(asyncio.sleep(0), timeout_s=1)

    with pytest.raises(RuntimeError, match="await the coroutine"):
        run(inner(), timeout_s=5)


async def test_a_refused_time_stamp_has_the_clock_measured_again(server: Server) -> None:
    client = account_client(_account())
    await client.fetch_balance()
    ahead, refused = 5_000, []

    async def later(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"serverTime": int(time.time() * 1000) + ahead})

    async def strict(request: web.Request) -> web.StreamResponse:
        late = int(time.time() * 1000) + ahead - int(request.query["timestamp"])
        if abs(late) > 1000:
            refused.append(late)
            return web.json_response({"code": -1021, "msg": "Timestamp for this request is outside"}, status=400)
        return web.json_response({"balances": []})

    server.special |= {"/api/v3/time": later, "/api/v3/account": strict}
    clocks._measured["binance"] -= clocks.DOUBTED_S
    with pytest.raises(ExchangeRetry), translated():
        await client.fetch_balance()
    await client.fetch_balance()
    assert len(refused) == 1
    ahead = -70_000
    clocks._measured["binance"] -= clocks.EVERY_S
    await client.fetch_balance()
    assert len(refused) == 1, "and in any case after a while"
