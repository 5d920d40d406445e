"""A whole demo, and the commands that somebody types beside it in a second terminal without exporting anything."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from tests.site.test_beside import ROOT, command, copied, plain_environment  # noqa: F401 - a fixture
from xray_site.demo import ports

pytestmark = [
    pytest.mark.slow,
    pytest.mark.embedded,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("whole-process"),
    pytest.mark.skipif(sys.platform != "linux", reason="process groups"),
]
BOT = 4  # the first bot of the practice trader
ENTRY = f"""
from trading.models import Bot
from trading.services.intents import entry_request
bot = Bot.objects.get(pk={BOT})
entry_request(bot=bot, symbol="BTC/USDT", amount_quote="100", actor=bot.user)
"""


@pytest.fixture
def demo(copied, tmp_path):  # noqa: F811
    """`make run` in a checkout of its own, with its state elsewhere; gives the checkout."""
    port = ports.port_any()
    chosen = {"PORT": str(port), "PRACTICE_PORT": str(ports.port_any()), "XRAY_VAR_DIR": str(tmp_path / "state")}
    kernels = {"XRAY_KERNEL_DIR": os.environ.get("XRAY_KERNEL_DIR") or str(ROOT / "var" / "kernels")}
    program = [sys.executable, str(copied / "manage.py"), "run_demo"]
    with (tmp_path / "demo.log").open("w") as log:
        process = subprocess.Popen(
            program, env=plain_environment() | chosen | kernels, stdout=log, stderr=log, start_new_session=True
        )
    try:
        while not ports.answers(f"http://127.0.0.1:{port}/healthz"):
            assert process.poll() is None, (tmp_path / "demo.log").read_text()[-3000:]
            time.sleep(0.2)
        yield copied
    finally:
        process.terminate()
        process.wait()


def entry_ask(checkout) -> None:
    """Ask for an entry; the instruments are loaded moments after the start, until then it is refused."""
    while (done := command(checkout, "shell", "--no-imports", "-c", ENTRY)).returncode:
        assert "ValidationError" in done.stderr, done.stderr


def test_commands_beside_a_running_demo(demo, tmp_path):
    program = [sys.executable, str(demo / "manage.py"), "runbot", "--bot-id", str(BOT)]
    with (
        subprocess.Popen(program, env=plain_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as runbot,
        ExitStack() as last,
    ):
        last.callback(runbot.kill)
        lines = (json.loads(line) for line in runbot.stdout)
        assert next(lines)["runs_in"].startswith("the demo (process ")
        entry_ask(demo)
        assert next(event for event in lines if event.get("purpose") == "manual_entry" and event["status"] != "pending")
        runbot.send_signal(signal.SIGINT)
        assert [event["event"] for event in lines][-1] == "left_running"
        assert f"state folder {tmp_path / 'state' / 'seed-7'}, binance at" in runbot.stderr.read().decode()
        assert runbot.wait() == 0

    done = command(demo, "ledger_compare", "--account", "2", "--wait", "60")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip().endswith(": equal")
