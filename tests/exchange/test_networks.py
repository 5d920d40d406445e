"""Test networks and the main ones by their own host names: which of them an account's requests reach, and how signed.

Nothing is overridden here: ccxt's own addresses, over TLS, each led to a server of this machine.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from accounts.exchanges import budget, loop, sealing
from accounts.exchanges.errors import ExchangeRetry, translated
from accounts.exchanges.factory import account_client, clients_close
from accounts.exchanges.loop import background_loop
from accounts.models import ExchangeAccount
from accounts.services.exchange_accounts import account_add, account_verify
from signals.models import Instrument
from signals.services.markets import markets_load
from tests.exchange.desk import until
from tests.exchange.test_wires import Desk, _forget
from tests.exchange.wires.base import KEY, SECRET
from tests.exchange.wires.networks import NAMES, SIMULATED, Network
from trading import user_streams
from trading.models import Order
from trading.services import intents
from trading.turn import catch_up

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]
WITH_TESTNET = [name for name, names in NAMES.items() if names.test_rest]
MARKETS = {
    "binance": "/api/v3/exchangeInfo",
    "bybit": "/v5/market/instruments-info",
    "okx": "/api/v5/public/instruments",
}


class NetworkDesk(Desk):
    """A trader at one of the networks; quotes are the main one's, as they are in the field."""

    def __init__(self, network: Network, mode: str) -> None:
        self.mode, self.network = mode, network
        super().__init__(network.served(mode))
        self.quotes_show()

    def quotes_show(self) -> None:
        own, self.wire = self.wire, self.network.main
        super().quotes_show()
        self.wire = own

    def account_added(self, key: str, secret: str, name: str = "other") -> ExchangeAccount:
        return account_add(
            user=self.user, name=name, exchange=self.exchange, mode=self.mode, api_key=key, api_secret=secret,
            passphrase=self.passphrase, live_enabled=self.mode == "live",
        )  # fmt: skip


@pytest.fixture
def network(settings, monkeypatch, tmp_path) -> Iterator[Any]:
    """`network(exchange)` serves both networks under their own names; nothing else can be reached."""
    _forget()
    monkeypatch.setattr(catch_up, "QUIET_S", (1, 1))
    settings.XRAY_EXCHANGE_ENDPOINTS, settings.XRAY_LIVE_TRADING = "", True
    made: list[Network] = []

    def start(exchange: str) -> Network:
        one = Network(exchange, tmp_path)
        one.__enter__()
        made.append(one)
        monkeypatch.setattr(sealing, "ssl_context", lambda _authorities: one.hosts.trusted)
        monkeypatch.setattr(aiohttp.connector, "DefaultResolver", one.hosts.resolver)
        loop.run(clients_close(), timeout_s=10)
        markets_load(exchange=exchange)
        return one

    yield start
    loop.run(clients_close(), timeout_s=10)
    for one in made:
        one.__exit__()
    _forget()


@pytest.mark.parametrize("exchange", WITH_TESTNET)
def test_an_account_of_the_test_network_trades_there_and_nowhere_else(network, exchange) -> None:
    here = network(exchange)
    desk = NetworkDesk(here, "testnet")
    desk.sell(desk.buy("ETH/USDT"))
    desk.settled()
    desk.ledgers_equal()
    assert desk.account.verification == ("unproven" if exchange == "binance" else "verified")
    assert not here.main.core.orders and not here.signed(here.heard(test=False))
    of_test = here.heard(test=True)
    assert any(one.target.startswith(MARKETS[exchange]) for one in of_test), "its own markets are asked for"
    assert any(one.method == "POST" for one in here.signed(of_test))
    assert all((one.headers.get(SIMULATED) == "1") == (exchange == "okx") for one in of_test)
    assert here.hosts.refused == []


def test_what_the_test_network_does_not_list_is_refused_in_words(network) -> None:
    here, exchange = network("bybit"), "bybit"
    del here.test.core.markets["DOGEUSDT"]
    desk = NetworkDesk(here, "testnet")
    assert Instrument.objects.get(exchange=exchange, symbol="DOGE/USDT").active
    intents.entry_request(bot=desk.bot, symbol="DOGE/USDT", amount_quote="60", actor=desk.user)
    order = desk.until(lambda: Order.objects.filter(status="rejected").first())
    assert "The exchange does not trade this symbol: choose another." in order.reason
    assert not here.test.core.orders and not here.main.core.orders


async def _balances(account: ExchangeAccount) -> Any:
    with translated("The balances"):
        return await account_client(account).fetch_balance()


@pytest.mark.parametrize("exchange", WITH_TESTNET)
def test_a_live_account_beside_it_is_signed_for_the_main_network_alone_and_shares_no_ban(network, exchange) -> None:
    here = network(exchange)
    desk = NetworkDesk(here, "testnet")
    desk.mode = "live"
    live = desk.account_added(KEY, SECRET, "live")
    account_verify(account_id=live.pk)
    assert ExchangeAccount.objects.get(pk=live.pk).verification == "verified"
    here.test_limited()
    with pytest.raises(ExchangeRetry):
        loop.run(_balances(desk.account), timeout_s=10)
    barred = [place for place in (exchange, f"{exchange}:testnet") if _barred(place, desk.account.pk)]
    assert barred == [f"{exchange}:testnet"]
    assert exchange != "bybit" or budget.ban_left("bybit:testnet") > 590, "ten minutes, by its documentation"
    before = len(here.heard(test=True))
    with pytest.raises(ExchangeRetry, match=f"{exchange}:testnet asked us to wait"):
        loop.run(_balances(desk.account), timeout_s=10)
    assert loop.run(_balances(live), timeout_s=10)["USDT"]["free"] == 5000
    assert len(here.heard(test=True)) == before
    of_main = here.heard(test=False)
    assert here.signed(of_main) and here.signed(here.heard(test=True))
    assert not any(SIMULATED in one.headers for one in of_main)
    assert here.hosts.refused == []


def _barred(place: str, account_id: int) -> bool:
    return budget.ban_left(place, account_id=account_id) > 0


MODES = [*((name, "testnet") for name in WITH_TESTNET), *((name, "live") for name in NAMES)]


@pytest.mark.parametrize(("exchange", "mode"), MODES)
def test_the_user_stream_of_a_mode_is_at_its_own_host(network, monkeypatch, exchange, mode) -> None:
    woken: list[int] = []
    monkeypatch.setattr(user_streams, "account_wake_now", woken.append)
    here = network(exchange)
    desk = NetworkDesk(here, mode)
    stream = here.served(mode).stream
    running = asyncio.run_coroutine_threadsafe(user_streams._account_stream(desk.account), background_loop())
    try:
        until(lambda: stream.ready)
        stream.tell()
        until(lambda: desk.account.pk in woken)
    finally:
        running.cancel()
    sockets = {one.host for one in here.hosts.heard if "upgrade" in one.headers}
    assert sockets == {here.names.test_socket if mode == "testnet" else here.names.socket}
    assert here.hosts.refused == []
    if (exchange, mode) == ("okx", "testnet"):
        assert any(one.target == "/ws/v5/private?brokerId=9999" for one in here.hosts.heard)
