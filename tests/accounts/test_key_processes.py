"""Keys that are replaced, revoked and deleted hold for every running process with its next request."""

import json
import os
import subprocess
import sys

import pytest

from tests.migrated import migrated
from tests.practice.clients import ROOT, Process

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


class Worker:
    """A process that stays up from question to question."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.accounts.key_world"], cwd=ROOT, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def __call__(self, *step: str):
        self.process.stdin.write(json.dumps(step) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self) -> None:
        self.process.stdin.close()
        assert self.process.wait(timeout=20) == 0


@pytest.fixture
def exchange(tmp_path):
    process = Process(tmp_path)
    yield process
    process.stop()


@pytest.fixture
def workers(exchange, tmp_path):
    endpoints = {"binance": {"rest": exchange.url, "ws": exchange.url.replace("http", "ws")}}
    inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    more = {"XRAY_VAR_DIR": str(tmp_path), "XRAY_EXCHANGE_ENDPOINTS": json.dumps(endpoints), "XRAY_READ_DOTENV": "0"}
    migrated(tmp_path / "xray.sqlite3")
    made = [Worker(inherited | more) for _ in range(2)]
    yield made
    for one in made:
        one.stop()


def test_replaced_revoked_and_deleted_without_a_restart(exchange, workers):
    first, second = (exchange.account(f"key-process-{name}", USDT="100") for name in ("one", "two"))
    one, two = workers
    one("prepare", first)
    assert one("verify") == ["verified", "active"]
    assert [one("ask"), two("ask")] == ["good", "good"]

    one("replace", second)
    exchange.admin("acts", {"act": "key_revoke", "key": first})
    assert [two("ask"), one("ask")] == ["good", "good"], "a process went on with the keys of before"
    assert two("verify") == ["verified", "active"]

    exchange.admin("acts", {"act": "key_revoke", "key": second})
    assert [one("ask"), two("ask")] == ["exchange_stopped", "exchange_stopped"]
    assert one("verify") == ["refused", "paused"]

    two("remove")
    assert [one("ask"), two("ask")] == ["exchange_stopped", "exchange_stopped"]
    assert [one("clients"), two("clients")] == [0, 0], "a process holds keys that were deleted"
