"""An unmodified ccxt pointed at a practice exchange, and the exchange as a process."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "token-of-the-tests"
DEAD = "127.0.0.1:9"  # the discard port: nothing answers there
OPTIONS = {
    "defaultType": "spot",
    "fetchMarkets": {"types": ["spot"]},
    "fetchCurrencies": False,
    "fetchMargins": False,
}


class Process:
    """A practice exchange in a process of its own, on a port the system chose."""

    def __init__(self, folder: Path, *arguments: str, port: int = 0) -> None:
        command = [sys.executable, "-m", "trading.practice.server", "--port", str(port)]
        command += ["--state", str(folder / "state.sqlite3"), *arguments]
        environment = os.environ | {"PRACTICE_ADMIN_TOKEN": TOKEN}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.ready = self.process.stdout.readline().strip()
        self.url = self.ready.split()[2].rstrip(",") if self.ready else ""

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; returns the exit code."""
        self.process.send_signal(number)
        self.process.communicate(timeout=15)
        return self.process.returncode

    def admin(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """Call an admin endpoint."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"X-Practice-Admin": TOKEN, "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/practice/admin/{path}", data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def account(self, key: str, permissions: tuple[str, ...] = ("spot", "read"), **balances: str) -> str:
        """Create an account whose secret is its key reversed; returns the key."""
        self.admin(
            "accounts", {"key": key, "secret": key[::-1], "permissions": list(permissions), "balances": balances}
        )
        return key

    async def ledger(self, key: str) -> Any:
        """The full ledger of a key."""
        return await asyncio.to_thread(self.admin, f"ledger?key={key}")


def client(kind: type, url: str, key: str | None = None, **config: Any) -> Any:
    """A ccxt binance whose every endpoint is dead but those of the practice exchange."""
    probe = kind()
    api: dict[str, Any] = {
        name: f"http://{DEAD}" for name, value in probe.urls["api"].items() if isinstance(value, str)
    }
    api |= {"public": f"{url}/api/v3", "private": f"{url}/api/v3", "sapi": f"{url}/sapi/v1"}
    if "ws" in probe.urls["api"]:
        api["ws"] = _dead_sockets(probe.urls["api"]["ws"])
        socket = url.replace("http", "ws")
        api["ws"]["spot"], api["ws"]["ws-api"]["spot"] = f"{socket}/stream", f"{socket}/ws-api/v3"
    keys = {"apiKey": key, "secret": key[::-1]} if key else {}
    return kind({"urls": {"api": api}, "options": OPTIONS, "enableRateLimit": False} | keys | config)


def _dead_sockets(urls: Any) -> Any:
    if isinstance(urls, dict):
        return {name: _dead_sockets(value) for name, value in urls.items()}
    return f"ws://{DEAD}"
