"""A trader with an account, a bot, positions and trades; and a stranger."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client

from accounts.clock import now
from signals.quotes import quotes_forget
from tests.pages import worlds


class World:
    """Everything that the pages show for one trader."""

    def __init__(self) -> None:
        self.user = worlds.trader()
        self.account = worlds.account(self.user)
        self.markets = worlds.markets()
        self.strategy = worlds.strategy()
        self.bot = worlds.bot(self.user, self.account)
        self.signal = worlds.signal(self.markets["SOL"], self.strategy)
        self.open = worlds.position(self.bot, self.markets["SOL"], from_signal=self.signal)
        self.trade = worlds.position(
            self.bot, self.markets["ETH"], result="0.012", closed=True, opened_at=now() - timedelta(minutes=20)
        )
        worlds.snapshots(self.account, ["10000", "10001.50", "10003.25"])
        worlds.notice(self.user)


@pytest.fixture
def world(db) -> World:
    quotes_forget()
    yield World()
    quotes_forget()


@pytest.fixture
def page(world) -> Client:
    client = Client()
    client.force_login(world.user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def stranger(world) -> Client:
    client = Client()
    other = worlds.trader("eve@example.org")
    worlds.account(other, "Eve's")
    client.force_login(other, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def cents():
    return lambda text: Decimal(text.replace(",", "").replace("\N{MINUS SIGN}", "-"))
