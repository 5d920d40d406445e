"""Real processes, ended by SIGKILL between an order's commit and its answer, then started again.

Afterwards the exchange has the order once, or never where it never got there, and our books are equal to the
exchange's ledger to the last digit.
"""

import base64
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from decimal import Decimal

import pytest

from tests.migrated import migrated
from tests.practice.clients import ROOT, TOKEN, Process
from trading.domain.books import pairs_joined

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    process = Process(tmp_path_factory.mktemp("kill-exchange"), "--weight-limit", "1000000")
    yield process
    process.stop()


@pytest.fixture(scope="module")
def forks(tmp_path_factory, exchange):
    """The process that forks all others (see `kill_world`)."""
    endpoints = {"binance": {"rest": exchange.url, "ws": exchange.url.replace("http", "ws")}}
    inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    environment = inherited | {
        "XRAY_VAR_DIR": str(tmp_path_factory.mktemp("kill-var")),
        "XRAY_EXCHANGE_ENDPOINTS": json.dumps(endpoints),
        "XRAY_MASTER_KEYS": f"test:{base64.b64encode(b'0' * 32).decode()}",
        "XRAY_READ_DOTENV": "0",
        "SECRET_KEY": "kill-tests",
        "PRACTICE_ADMIN_TOKEN": TOKEN,
    }
    command = [sys.executable, "-m", "tests.trading.kill_world"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) as process:
        yield process
        process.stdin.close()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, exchange, forks):
    """A database with markets, copied for each test."""
    world = World(tmp_path_factory.mktemp("kill-database"), exchange, forks, "", "paper")
    migrated(world.database)
    world.run("prepare")
    return world.database


@pytest.fixture
def world_of(tmp_path, exchange, forks, prepared):
    def make(key="", mode="practice"):
        if mode != "paper":
            exchange.account(key, USDT="10000")
        shutil.copy(prepared, tmp_path / prepared.name)
        return World(tmp_path, exchange, forks, key, mode)

    return make


class World:
    """One database and the processes that work on it."""

    def __init__(self, folder, exchange, forks, key, mode):
        self.exchange, self.forks, self.key, self.mode = exchange, forks, key, mode
        self.database = folder / "kill.sqlite3"

    def run(self, *steps, killed=False):
        argv = [*steps, "--key", self.key, "--mode", self.mode]
        self.forks.stdin.write(json.dumps({"database": str(self.database), "argv": argv}) + "\n")
        self.forks.stdin.flush()
        answer = json.loads(self.forks.stdout.readline())
        assert answer["code"] == (-signal.SIGKILL if killed else 0), answer["output"]
        return answer["output"]

    def restart(self, *options):
        """Start again, work, and give both sides' books."""
        ours = json.loads(self.run("execute", "execute", "report", *options).splitlines()[-1])
        return ours, self.exchange.admin(f"ledger?key={self.key}") if self.key else None


POINTS = (
    "claimed", "before_commit", "in_transaction", "before_request", "after_request", "before_answer_commit",
    "after_commit", "in_check", "before_cancel", "after_cancel",
)  # fmt: skip
SEEDS = int(os.environ.get("KILL_SEEDS") or 3)


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("point", POINTS)
def test_nothing_is_lost_or_doubled_wherever_it_is_killed(world_of, point, seed):
    """An entry (at the market, or one that rests and is cancelled) and an exit; one of the steps is killed."""
    rng = random.Random(f"{point} {seed}")
    world = world_of(f"kill-{point}-{seed}")
    rests = point.endswith("cancel") or rng.random() < 0.3
    how = ["--amount", str(rng.choice([50, 200, 1234.56]))] + (["--limit", "0.9"] if rests else [])
    steps = ["setup", "take_back" if rests else "leave"]
    killed = 1 if point.endswith("cancel") else 0 if rests else rng.randrange(2)
    for number, step in enumerate(steps):
        if number == killed:
            world.run(step, "execute", "--kill", point, *how, killed=True)
        else:
            world.run(step, "execute", *how)
        books_agree(*world.restart("--again"))
        if number == 0 and not found(world, rests):  # it had never got there: asked for again
            world.run("enter", "execute", *how)
    world.restart("--again", "--later", "60")  # what never got there is tried again a little later
    ours, theirs = world.restart("--again", "--later", "120")
    books_agree(ours, theirs)
    assert [row["status"] for row in ours["intents"] if row["status"] in ("pending", "claimed")] == []
    assert {row["status"] for row in ours["positions"]} <= {"closed", "cancelled"}
    assert {row["status"] for row in theirs["orders"]} <= {"FILLED", "CANCELED"}


STOPS = {  # where the process dies, and how often it comes by there before, about the stop of an entry
    "before_request": 1, "after_request": 1, "before_commit": 1, "before_answer_commit": 1, "after_commit": 0,
    "in_check": 0,
}  # fmt: skip


@pytest.mark.parametrize("seed", range(SEEDS if SEEDS > 3 else 1))
@pytest.mark.parametrize("point", [*STOPS, "before_cancel", "after_cancel"])
def test_one_stop_rests_wherever_it_is_killed(world_of, point, seed):
    """An entry whose stop rests at the exchange, and an exit that has it taken back first; one of them is killed."""
    world = world_of(f"kill-stop-{point}-{seed}")
    how = ["--amount", str(random.Random(seed).choice([50, 200, 1234.56])), "--protection", "exchange"]
    if point in STOPS:
        world.run("setup", "execute", "--kill", point, "--spared", str(STOPS[point]), *how, killed=True)
    else:
        world.run("setup", "execute", *how)
    books_agree(*world.restart("--again"))
    ours, theirs = world.restart("--again", "--later", "400")  # a stop that never got there is tried again then
    books_agree(ours, theirs)
    assert stops_open(theirs) == 1 and [row["status"] for row in ours["positions"]] == ["open"]
    killed = point not in STOPS
    world.run("leave", "execute", *(["--kill", point] if killed else []), *how, killed=killed)
    books_agree(*world.restart("--again", "--later", "60"))
    ours, theirs = world.restart("--again", "--later", "120")
    books_agree(ours, theirs)
    assert stops_open(theirs) == 0 and [row["status"] for row in ours["positions"]] == ["closed"]
    assert [row["status"] for row in ours["intents"] if row["status"] in ("pending", "claimed")] == []


def stops_open(theirs):
    return sum(row["type"] == "STOP_LOSS" and row["status"] == "NEW" for row in theirs["orders"])


def found(world, rests):
    """Whether the entry is there: its order rests, or its position is open."""
    ours, _theirs = world.restart()
    rows = ours["orders"] if rests else ours["positions"]
    return any(row["status"] == ("active" if rests else "open") for row in rows)


def books_agree(ours, theirs):
    names = [row["clientOrderId"] for row in pairs_joined(theirs["orders"])]
    assert set(names) <= ours["intent_of"].keys(), "the exchange has an order that we do not know"
    intents = [ours["intent_of"][name] for name in names]
    assert len(names) == len(set(names)) and len(intents) == len(set(intents)), "an intent was executed twice"
    assert not {row["status"] for row in ours["orders"]} & {"pending", "unknown"}
    assert ours["differences"] == []


def test_an_order_that_never_left_is_proved_absent_and_not_sent_again(world_of):
    world = world_of("kill-test-never-left")
    world.run("setup", "execute", "--kill", "before_request", killed=True)
    ours, _theirs = world.restart()
    assert [row["status"] for row in ours["orders"]] == ["pending"]
    ours, theirs = world.restart("--again")
    assert theirs["orders"] == []
    assert [row["status"] for row in ours["orders"]] == ["rejected"]
    assert [row["status"] for row in ours["intents"]] == ["failed"]
    assert ours["differences"] == []


@pytest.mark.parametrize("point", ["before_commit", "in_transaction", "after_commit"])
def test_one_order_after_a_kill_on_paper(world_of, point):
    world = world_of(mode="paper")
    world.run("setup", "execute", "--kill", point, killed=True)
    ours, _theirs = world.restart()
    assert [row["status"] for row in ours["orders"]] == ["filled"]
    assert [row["status"] for row in ours["intents"]] == ["done"]
    spent = sum(Decimal(row["price"]) * Decimal(row["amount"]) for row in ours["fills"])
    assert Decimal(ours["balances"]["USDT"]) == 10000 - spent
