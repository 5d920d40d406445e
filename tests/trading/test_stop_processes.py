"""Nothing new is sent later than a second after a stop was committed, by any thread of any process.

Measured by the exchange: the time at which it took each order, beside the time at which the stop was surely committed.
"""

import base64
import json
import os
import subprocess
import sys
import urllib.request

import pytest

from tests.migrated import migrated
from tests.practice.clients import ROOT, TOKEN, Process
from tests.trading.stop_world import BEFORE, ENTRIES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
LONGEST_MS = 1000
SLOW = {"kind": "slow_before", "seconds": 0.5, "count": None, "path": "order$", "method": "POST"}


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    process = Process(tmp_path_factory.mktemp("stop-exchange"), "--weight-limit", "1000000")
    yield process
    process.stop()


def stopped(exchange, folder, keys, deaf=""):
    """Run the world; what it printed."""
    for key in keys:
        exchange.account(key, USDT="10000")
    _slow(exchange)
    endpoints = {"binance": {"rest": exchange.url, "ws": exchange.url.replace("http", "ws")}}
    inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    environment = inherited | {
        "XRAY_VAR_DIR": str(folder),
        "XRAY_EXCHANGE_ENDPOINTS": json.dumps(endpoints),
        "XRAY_MASTER_KEYS": f"test:{base64.b64encode(b'0' * 32).decode()}",
        "XRAY_READ_DOTENV": "0",
        "SECRET_KEY": "stop-tests",
        "PRACTICE_ADMIN_TOKEN": TOKEN,
    }
    migrated(folder / "stop.sqlite3")
    command = [sys.executable, "-m", "tests.trading.stop_world", str(folder / "stop.sqlite3"), deaf, *keys]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def _slow(exchange):
    """Each order takes a while, so that every account is in the middle when the stop comes."""
    headers = {"X-Practice-Admin": TOKEN, "Content-Type": "application/json"}
    body = json.dumps({"faults": [SLOW], "seed": 1}).encode()
    request = urllib.request.Request(f"{exchange.url}/practice/admin/faults", body, headers, method="PUT")
    urllib.request.urlopen(request, timeout=10).close()


def late(exchange, key, committed_ms):
    """How many milliseconds after the stop each of the key's orders was taken."""
    orders = exchange.admin(f"ledger?key={key}")["orders"]
    return [row["time"] - committed_ms for row in orders]


def test_every_thread_of_every_process_stops_within_a_second(exchange, tmp_path):
    """A third process never looks for stops: that it is seen shows that the measure can fail."""
    keys, deaf = [f"stop-test-{number}" for number in range(4)], ["deaf-test-0", "deaf-test-1"]
    world = stopped(exchange, tmp_path, [*keys, *deaf], deaf=deaf[0])
    for key in keys:
        times = late(exchange, key, world["committed_ms"])
        assert len([one for one in times if one <= 0]) >= BEFORE, "it was at work before the stop"
        assert max(times) <= LONGEST_MS, f"{key} sent an order {max(times)} ms after the stop"
        ends = [(status, reason) for name, status, reason in world["intents"] if name == key]
        held = [reason for status, reason in ends if status in ("denied", "failed")]
        assert len(times) + len(held) >= ENTRIES and len(times) < ENTRIES
        assert held and all("stop" in reason.lower() for reason in held)
    assert all(max(late(exchange, key, world["committed_ms"])) > LONGEST_MS for key in deaf)
