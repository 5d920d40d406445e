"""One practice exchange for all tests that talk to it; each test makes an account of its own."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import ccxt.pro
import pytest
from aiohttp import web

from tests.practice.clients import TOKEN, Process, client
from tests.practice.markets import Clock, small_exchange
from tests.practice.scripted import Scripted
from trading.practice.server import Server

COUNTER = itertools.count(1)


@pytest.fixture(scope="session")
def exchange_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    process = Process(tmp_path_factory.mktemp("practice"), "--weight-limit", "1000000")
    yield process
    process.stop()


@pytest.fixture
def key(exchange_process: Process) -> str:
    """A fresh account with some of everything."""
    return exchange_process.account(f"test-key-{next(COUNTER)}", USDT="100000", BTC="1", ETH="10")


@pytest.fixture
async def connect(exchange_process: Process) -> AsyncIterator[Callable[..., Any]]:
    """Makes ccxt clients and closes them afterwards."""
    made = []

    def make(key: str | None = None, kind: type = ccxt.pro.binance, url: str = exchange_process.url, **config: Any):
        made.append(client(kind, url, key, **config))
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.fixture
async def binance(connect: Callable[..., Any], key: str) -> Any:
    """A ccxt.pro client with a key and loaded markets."""
    made = connect(key)
    await made.load_markets()
    return made


@pytest.fixture
async def scripted(tmp_path: Path) -> AsyncIterator[Scripted]:
    """An exchange whose faults and acts are set by the test."""
    clock = Clock()
    server = Server(small_exchange(tmp_path / "state.sqlite3", clock), admin_token=TOKEN)
    runner = web.AppRunner(server.application(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made = Scripted(server, f"http://127.0.0.1:{runner.addresses[0][1]}")
    await made.ccxt.load_markets()
    made.ccxt.options["adjustForTimeDifference"] = True
    made.ccxt.nonce = lambda: clock.now
    yield made
    await made.ccxt.close()
    await server.hub.close()
    await runner.cleanup()
