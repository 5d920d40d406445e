"""`runbot` as a process: alone at a practice exchange over real sockets, and beside a platform that runs its bot."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from accounts.clock import now
from accounts.crypto import seal
from accounts.processes import folder_hold
from signals.models import ExchangeState
from tests.practice.clients import ROOT, TOKEN, Process
from trading.models import Intent, Order, Position
from trading.services import following, foreground
from trading.services.following import Following, Refused, platform_name
from trading.services.foreground import bot_run
from trading.services.intents import entry_request, position_close_request
from trading.services.ledger_comparison import ledger_compare

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded, pytest.mark.xdist_group("runbot")]
KEY = "foreground0123456789"


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    process = Process(tmp_path_factory.mktemp("runbot-exchange"), "--weight-limit", "1000000")
    process.account(KEY, USDT="10000")
    yield process
    process.stop()


@pytest.fixture
def folder(tmp_path, settings):
    """A state folder of its own, for this process as for those it starts."""
    settings.VAR_DIR = tmp_path
    return tmp_path


@pytest.fixture
def bot(make):
    return make.bot(status="stopped", entry_type="market", max_spread="0.1", holding_time_s=9000)


class Runbot:
    """The command in a process of its own, on this test's database; what it says is read line by line."""

    def __init__(self, bot_id: Any, folder, **values: str) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        place = {"XRAY_VAR_DIR": str(folder), "XRAY_SQLITE": str(connection.settings_dict["NAME"])}
        self.events: list[dict[str, Any]] = []
        self.errors = folder / "runbot.err"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "runbot", "--bot-id", str(bot_id)],
                env=kept | place | values,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def until(self, event: str, **values: Any) -> dict[str, Any]:
        """The next event of this kind with these values."""
        for line in self.process.stdout:
            self.events.append(json.loads(line))
            if values.items() <= self.events[-1].items() and self.events[-1]["event"] == event:
                return self.events[-1]
        raise AssertionError(f"it has ended without {event} {values}: {self.events} {self.errors.read_text()}")

    def stop(self, number: int) -> dict[str, Any]:
        """Send a signal; the last event, once the process has ended well."""
        self.process.send_signal(number)
        last = self.until("stopped")
        assert self.process.stdout.read() == ""
        assert self.process.wait() == 0, self.errors.read_text()
        assert all("at" in event and "event" in event for event in self.events)
        return last

    def refusal(self) -> str:
        """What it says on stderr when it does not start."""
        assert self.process.stdout.read() == ""
        assert self.process.wait() == 1
        return self.errors.read_text()


@pytest.fixture
def runbot(folder):
    made = []

    def start(bot_id, **values):
        made.append(Runbot(bot_id, folder, **values))
        return made[-1]

    yield start
    for one in made:
        one.process.kill()
        one.process.wait()


@pytest.mark.slow
def test_alone_it_buys_stops_and_sells_after_its_next_start(make, exchange, folder, runbot, settings):
    settings.XRAY_EXCHANGE_ENDPOINTS = json.dumps({"binance": {"rest": exchange.url}})
    settings.PRACTICE_ADMIN_TOKEN = TOKEN
    keys = {"api_key": KEY, "api_secret": KEY[::-1], "passphrase": ""}
    account = make.account(mode="practice", verification="verified", sealed_credentials=seal(keys))
    bot = make.bot(account, status="stopped", entry_type="market", max_spread="0.1", profit_target="0.9",
                   stop_loss="0.9", holding_time_s=9000, confidence_threshold="1")  # fmt: skip
    make.instrument("BTC/USDT")
    other = make.bot(make.account())  # runs on paper, but not here

    first = runbot(bot.public_id, XRAY_EXCHANGE_ENDPOINTS=settings.XRAY_EXCHANGE_ENDPOINTS)
    assert first.until("started")["runs_in"] == "this process"
    bot.refresh_from_db()
    entry_request(bot=bot, symbol="BTC/USDT", amount_quote="200", actor=bot.user)
    first.until("position", status="open")
    first.until("fill", side="buy")
    assert first.stop(signal.SIGTERM)["open_positions"] == 1
    bot.refresh_from_db()
    assert (bot.status, bot.status_reason) == ("stopped", "The foreground run ended.")

    position_close_request(position=Position.objects.get(), actor=None)
    second = runbot(bot.pk, XRAY_EXCHANGE_ENDPOINTS=settings.XRAY_EXCHANGE_ENDPOINTS)
    second.until("trade", status="closed")
    assert second.stop(signal.SIGINT)["open_positions"] == 0
    assert not Intent.objects.filter(bot=other).exists()
    assert set(Order.objects.values_list("side", "status")) == {("buy", "filled"), ("sell", "filled")}
    assert ledger_compare(account=account).differences == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_beside_a_platform_it_tells_what_that_one_does(make, bot, folder, runbot, number):
    with folder_hold(folder):
        one = runbot(bot.pk)
        assert one.until("started")["runs_in"] == f"the demo (process {os.getpid()})"
        bot.refresh_from_db()
        assert bot.status == "running"
        make.position(bot, make.instrument())
        assert one.until("position")["symbol"] == "BTC/USDT"
        Position.objects.update(status="closed", close_reason="take_profit", amount=0)
        assert one.until("trade")["close_reason"] == "take_profit"
        assert one.stop(number)["open_positions"] == 0
    bot.refresh_from_db()
    assert bot.status == "stopped"


def test_an_unknown_bot_is_refused_with_those_that_exist(bot, runbot):
    assert f"There is no bot 'nope'. Bots: {bot.pk} ({bot.name})." in runbot("nope").refusal()


def test_a_database_without_tables_is_told_in_words(runbot, folder):
    said = runbot(1, XRAY_SQLITE=str(folder / "empty.sqlite3")).refusal()
    assert "empty.sqlite3) cannot be used: no such table" in said
    assert "Traceback" not in said


def refused(bot) -> str:
    """Why the bot cannot be run; it must not have been started."""
    with pytest.raises(Refused) as told:
        bot_run(bot=bot, say=lambda *_args, **_values: None, stop=threading.Event())
    bot.refresh_from_db()
    assert bot.status == "stopped"
    return str(told.value)


def test_a_practice_account_never_meets_the_real_exchange(make, folder, settings):
    settings.XRAY_EXCHANGE_ENDPOINTS = ""
    bot = make.bot(make.account(mode="practice", verification="verified"), status="stopped")
    assert "set XRAY_EXCHANGE_ENDPOINTS for binance" in refused(bot)


def test_an_exchange_that_does_not_answer_is_named(bot, folder, settings):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    settings.XRAY_EXCHANGE_ENDPOINTS = json.dumps({"binance": {"rest": f"http://127.0.0.1:{port}"}})
    assert f"Nothing answers for binance at http://127.0.0.1:{port}" in refused(bot)


def test_two_lone_bots_on_one_state_are_one_too_many(bot, folder):
    with folder_hold(folder, following.ALONE):
        assert f"Another bot runs in the foreground here (process {os.getpid()})" in refused(bot)


def test_with_redis_it_needs_the_platform(bot, folder, settings):
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    assert "Start the platform (make up)" in refused(bot)


def test_a_bot_whose_account_may_not_trade_is_not_started(bot, folder):
    bot.account.status, bot.account.status_reason = "paused", "by its owner"
    bot.account.save()
    with folder_hold(folder):
        assert "The account is paused: by its owner." in refused(bot)


def test_a_platform_is_known_by_the_lease_of_its_streams(folder):
    assert platform_name("binance") == ""
    lease = {"streams_owner": "elsewhere:17:abc", "streams_lease_until": now() + timedelta(seconds=60)}
    ExchangeState.objects.create(exchange="binance", **lease)
    assert platform_name("binance") == "the platform (its streams: elsewhere:17)"
    ExchangeState.objects.update(streams_lease_until=now() - timedelta(seconds=1))
    assert platform_name("binance") == ""


def test_a_platform_that_stops_ends_the_telling(bot, folder, monkeypatch):
    monkeypatch.setattr(following, "PATIENCE_S", -1)
    monkeypatch.setattr(following, "POLL_S", 0)
    with pytest.raises(Refused, match="has stopped"):
        Following(bot, lambda *_args, **_values: None, threading.Event()).run()


def test_it_tells_every_change_once_and_nothing_old(make):
    bot = make.bot()
    coin = make.instrument()
    old = make.position(bot, coin, status="closed")
    held = make.position(bot, make.instrument("ETH/USDT"))
    told: list[tuple[str, dict[str, Any]]] = []
    one = Following(bot, lambda event, **values: told.append((event, values)), threading.Event())
    one.tell()
    assert told == []

    intent = entry_request(bot=bot, symbol="BTC/USDT", amount_quote="100", actor=bot.user)
    make.position(make.bot(bot.account), coin)  # another bot's
    one.tell()
    assert [(event, values["status"]) for event, values in told] == [("intent", "pending")]
    Intent.objects.filter(pk=intent.pk).update(status="denied", reason="Too wide a spread.")
    Position.objects.filter(pk=held.pk).update(status="closed", realised_pnl=Decimal("1.5"))
    Position.objects.filter(pk=old.pk).update(close_reason="")
    bot.last_decision = "Nothing."
    bot.save()
    one.tell()
    one.tell()
    assert [event for event, _values in told[1:]] == ["intent", "trade", "bot"]
    assert told[1][1]["reason"] == "Too wide a spread."
    assert told[2][1]["realised_pnl"] == "1.5"
    assert "bot" not in told[2][1]


def test_the_state_folder_is_free_again_after_a_refused_start(bot, folder, monkeypatch, settings):
    settings.XRAY_EXCHANGE_ENDPOINTS = ""
    monkeypatch.setattr(foreground, "_start", lambda _bot: (_ for _ in ()).throw(Refused("no")))
    assert refused(bot) == "no"
    with folder_hold(folder) as free:
        assert free
