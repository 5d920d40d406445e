"""With an override, nothing but the configured server is dialled: proven at the socket level, per exchange."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.xdist_group("dialling")
SCRIPT = Path(__file__).with_name("dialling.py")


EXCHANGES = ("binance", "bybit", "kucoin", "mexc", "okx")


def _driven(*args: str) -> dict[str, dict]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *args], cwd=ROOT, env=_env(), capture_output=True, text=True, timeout=200
    )
    lines = [line.removeprefix("RESULT ") for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert lines, done.stderr[-2000:]
    return {found["exchange"]: found for found in map(json.loads, lines)}


def _env() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT), "REDIS_URL": "", "DATABASE_URL": ""}  # servers are no exchange


@pytest.fixture(scope="module")
def driven() -> dict[str, dict]:
    """What each exchange's clients dialled, one after another in one process: loading ccxt takes longest."""
    return _driven(",".join(EXCHANGES))


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_only_the_configured_server_is_dialled(exchange: str, driven: dict[str, dict]) -> None:
    found = driven[exchange]
    assert found["endpoints"] > 200, "every endpoint that ccxt knows was tried"
    assert found["rest"] > 50 and found["ws"] > 0, "requests and sockets did reach the server"
    assert found["seen"] == [f"connect {found['here'].removeprefix('http://')}"]


def test_the_watch_itself_sees_a_leak() -> None:
    """Without the guard the same run dials the closed port and the host that a token answer names."""
    found = _driven("kucoin", "unguarded")["kucoin"]
    assert f"connect {found['away'].removeprefix('http://')}" in found["seen"]
    assert "connect 127.0.0.1:9" in found["seen"]
