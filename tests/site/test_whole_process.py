"""The demo as a whole: started as `make run` starts it, killed with SIGKILL in the middle of its work, started again.

What the practice exchange says afterwards and what the platform stored must agree to the last digit.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from xray_site.demo.ports import port_any

ROOT = Path(__file__).resolve().parents[2]
KEY, PASSWORD = "wholeprocess0123456789", "whole-process-93"
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.embedded,
    pytest.mark.timeout(400),
    pytest.mark.xdist_group("whole-process"),
    pytest.mark.skipif(sys.platform != "linux", reason="process groups are watched through /proc"),
]


def _in_use(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Demo:
    """One run of the demo on ports and folders of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.practice_port = folder, port_any(), port_any()
        self.process: subprocess.Popen[bytes] | None = None
        self.token = ""

    def start(self) -> None:
        settings = {
            "PORT": str(self.port),
            "PRACTICE_PORT": str(self.practice_port),
            "XRAY_VAR_DIR": str(self.folder),
            "PRACTICE_ADMIN_TOKEN": "whole-process",
            "XRAY_DEMO_PRACTICE_PASSWORD": PASSWORD,
            "XRAY_DEMO_PAPER_PASSWORD": PASSWORD,
            "XRAY_DEMO_API_KEY": KEY,
            "XRAY_DEMO_API_SECRET": "0123456789abcdef0123456789abcdef",
            "XRAY_DEMO_STAFF_PASSWORD": PASSWORD,
        }
        kept = {name: value for name, value in os.environ.items() if name not in ("MAKELEVEL", "EXCHANGE", "DATA")}
        with (self.folder / "demo.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "run_demo"],
                env=kept | settings,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait(lambda: self.get("/healthz", token=False)["status"] == "ok", 180)
        answer = self.call(
            "POST", "/api/auth/login", {"email": "practice@xray.example", "password": PASSWORD}, token=False
        )
        self.token = answer["token"]

    def kill(self) -> None:
        """SIGKILL to the whole process group at once."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        deadline = time.monotonic() + 30  # the others of the group may need a moment to be gone
        while any(_in_use(port) for port in (self.port, self.practice_port)) and time.monotonic() < deadline:
            time.sleep(0.05)

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def call(self, method: str, path: str, body: Any = None, *, token: bool = True) -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Token {self.token}"} if token else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.load(response)

    def get(self, path: str, *, token: bool = True) -> Any:
        return self.call("GET", path, token=token)

    def wait(self, ready: Callable[[], Any], within_s: float) -> Any:
        """Poll until the answer is true; a server that does not answer yet is a no."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            assert self.process is not None and self.process.poll() is None, self.log()
            try:
                if answer := ready():
                    return answer
            except urllib.error.HTTPError as error:
                assert error.code >= 500, f"{error} {error.url} {error.read()!r}"
            except OSError:
                pass
            time.sleep(0.2)
        raise AssertionError(f"not within {within_s:.0f} s:\n{self.log()}")

    def log(self) -> str:
        return (self.folder / "demo.log").read_text()[-4000:]

    def exchange_ledger(self) -> dict[str, Any]:
        """All that the practice exchange knows of the practice trader's account."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.practice_port}/practice/admin/ledger?key={KEY}",
            headers={"X-Practice-Admin": "whole-process"},
        )
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.load(response)

    def pages(self, path: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        next_path: str | None = path
        while next_path:
            page = self.get(next_path)
            rows += page["results"]
            next_path = page["next"] and "/api/" + page["next"].split("/api/", 1)[1]
        return rows


@pytest.fixture
def demo(tmp_path):
    one = Demo(tmp_path)
    yield one
    if one.process and one.process.poll() is None:
        one.kill()


def buy(demo: Demo, bot: str, symbol: str) -> None:
    demo.wait(lambda: _accepted(demo, bot, symbol), 60)


def _accepted(demo: Demo, bot: str, symbol: str) -> bool:
    """The instruments are loaded moments after the start; until then an entry is refused with 400."""
    try:
        demo.call("POST", "/api/orders", {"bot": bot, "symbol": symbol, "amount_quote": "100"})
    except urllib.error.HTTPError as error:
        if error.code != 400:
            raise
        return False
    return True


def fills_of_exchange(ledger: dict[str, Any]) -> set[tuple[Any, ...]]:
    return {
        (
            str(row["id"]),
            "buy" if row["isBuyer"] else "sell",
            *(Decimal(row[key]) for key in ("price", "qty", "commission")),
        )
        for row in ledger["fills"]
    }


def fills_of_platform(demo: Demo) -> list[tuple[Any, ...]]:
    return [
        (row["trade_id"], row["side"], *(Decimal(row[key]) for key in ("price", "amount", "fee")))
        for row in demo.pages("/api/fills")
    ]


def agree(demo: Demo) -> bool:
    theirs, ours = fills_of_exchange(demo.exchange_ledger()), fills_of_platform(demo)
    return len(ours) == len(set(ours)) and set(ours) == theirs


def settled(demo: Demo) -> bool:
    """No order whose fate is open: what was sent before the kill has been asked for."""
    return not [row for row in demo.pages("/api/orders") if row["status"] in ("pending", "unknown")]


def test_killed_in_the_middle_and_started_again_nothing_is_doubled_or_lost(demo):
    demo.start()
    bots = {bot["name"]: bot["id"] for bot in demo.pages("/api/bots")}
    for symbol in SYMBOLS:
        buy(demo, bots["Breakout"], symbol)
    demo.wait(lambda: demo.exchange_ledger()["orders"], 60)
    demo.kill()

    demo.start()
    demo.wait(lambda: settled(demo) and agree(demo), 150)
    orders, ledger = demo.pages("/api/orders"), demo.exchange_ledger()
    sent = [row["clientOrderId"] for row in ledger["orders"]]
    assert sent
    assert len(sent) == len(set(sent))
    assert set(sent) <= {row["client_order_id"] for row in orders}
    entries = [row["symbol"] for row in orders if row["purpose"] == "manual_entry" and row["leg"] == 0]
    assert len(entries) == len(set(entries))
    assert demo.stop() == 0
