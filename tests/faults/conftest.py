import itertools
import json

import pytest
from django.core.cache import cache

from accounts.exchanges import budget, loop
from accounts.exchanges.factory import clients_close
from signals.quotes import quotes_forget
from tests.faults.laboratory import Laboratory
from tests.practice.clients import TOKEN, Process
from trading import wiring
from trading.turn import catch_up

COUNTER = itertools.count(1)


@pytest.fixture(scope="session")
def failing_exchange(tmp_path_factory):
    process = Process(tmp_path_factory.mktemp("faults"), "--weight-limit", "1000000")
    yield process
    process.stop()


def forget() -> None:
    cache.clear()
    budget.budgets_forget()
    quotes_forget()
    wiring.process_started()


@pytest.fixture
def laboratory_key():
    """The API key of the laboratory's trader; its secret is the same backwards."""
    return f"fault-lab-{next(COUNTER)}"


@pytest.fixture
def laboratory(settings, transactional_db, failing_exchange, monkeypatch, laboratory_key):
    """A trader with an account of its own at the failing exchange."""
    forget()
    url = failing_exchange.url
    settings.XRAY_EXCHANGE_ENDPOINTS = json.dumps({"binance": {"rest": url, "ws": url.replace("http", "ws")}})
    settings.XRAY_EXCHANGE_TIMEOUT_S, settings.PRACTICE_ADMIN_TOKEN = 0.5, TOKEN
    monkeypatch.setattr(catch_up, "QUIET_S", (1, 1))
    made = Laboratory(failing_exchange, laboratory_key, f"fault-lab-{next(COUNTER)}")
    yield made
    made.script()
    loop.run(clients_close(), timeout_s=10)
    forget()
