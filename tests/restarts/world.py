"""The platform as a deployment runs it, process by process as the Procfile says, on servers that may be restarted."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.practice.clients import ROOT, TOKEN, Process
from tests.restarts.servers import Postgres, Redis

START_S, SETTLE_S = 60.0, 60.0
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())


class World:
    """Servers, the practice exchange, the platform's processes, and a desk to act from."""

    def __init__(self, folder: Path, names: Sequence[str], options: str = "", **settings: str) -> None:
        self.folder, self.processes = folder, {}
        self.postgres, self.redis = Postgres(), Redis()
        self.exchange = Process(folder, "--weight-limit", "1000000")
        endpoints = {"binance": {"rest": self.exchange.url, "ws": self.exchange.url.replace("http", "ws")}}
        self.environment = os.environ | {
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis.url,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "XRAY_VAR_DIR": str(folder),
            "XRAY_EXCHANGE_ENDPOINTS": json.dumps(endpoints),
            "XRAY_MASTER_KEYS": f"test:{base64.b64encode(b'0' * 32).decode()}",
            "XRAY_READ_DOTENV": "0",
            "XRAY_DEMO": "0",
            "BASE_MAX_SYMBOLS": "2",
            "SECRET_KEY": "restart-tests",
            "PRACTICE_ADMIN_TOKEN": TOKEN,
            "OMP_NUM_THREADS": "1",
            **settings,
        }
        self.options = options
        migrate = [sys.executable, "manage.py", "migrate", "-v0"]
        subprocess.run(migrate, cwd=ROOT, env=self.environment, check=True)
        command = [sys.executable, "-m", "tests.restarts.desk"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.desk = subprocess.Popen(command, cwd=ROOT, env=self.environment, **pipes)
        if not os.environ.get("RESTART_SEEDS"):  # the short form does not wait ten seconds for what was lost
            self.do("sweep_every", seconds=2)
        for name in names:
            self.start(name)
        self.until("the market has a price", lambda: self.do("priced"), START_S)

    def start(self, name: str, **more: str) -> None:
        """One line of the Procfile (`execution`, or `execution.2` for another of its kind)."""
        kind, _, number = name.partition(".")
        line = PROCFILE[kind].replace(f"-n {kind}@", f"-n {kind}{number}@")
        line += f" {self.options}" if " worker " in line else ""
        with self.log(name).open("ab") as log:
            shell = ["/bin/sh", "-c", line]
            self.processes[name] = subprocess.Popen(
                shell, cwd=ROOT, env=self.environment | more, stdout=log, stderr=log
            )

    def kill(self, name: str) -> None:
        """SIGKILL, and nobody starts it again."""
        process = self.processes.pop(name)
        process.kill()
        process.wait(timeout=20)

    def log(self, name: str) -> Path:
        """What a process has said."""
        return self.folder / f"{name}.log"

    def switch(self, name: str, on: bool = True) -> None:
        """Switch something of `hooks` on or off."""
        place = self.folder / f"switch-{name}"
        place.touch() if on else place.unlink()

    def do(self, step: str, **given: Any) -> Any:
        """One step at the desk; its answer."""
        assert self.desk.stdin is not None and self.desk.stdout is not None
        self.desk.stdin.write(json.dumps({"step": step, "given": given}) + "\n")
        self.desk.stdin.flush()
        told = json.loads(self.desk.stdout.readline())
        assert told["code"] == 0, f"{step}: {told['output'][-3000:]}"
        return told["answer"]

    def until(self, what: str, holds: Any, within_s: float, every_s: float = 0.3, about: str = "") -> float:
        """Wait for it (`about` names the step that tells what is the matter); how many seconds that took."""
        began = time.monotonic()
        while not holds():
            self.alive()
            if time.monotonic() - began > within_s:
                told = self.do(about) if about else ""
                raise AssertionError(f"not within {within_s:.0f} s: {what}\n{self.said()}\n{told}")
            time.sleep(every_s)
        return time.monotonic() - began

    def settled(self) -> float:
        """Wait until nothing is under way any more; how many seconds that took."""
        return self.until("all is settled", lambda: not any(self.do("waiting").values()), SETTLE_S, about="unsettled")

    def alive(self) -> None:
        """Nobody starts a process anew here: all that were started must live."""
        ended = {name: code for name, one in self.processes.items() if (code := one.poll()) is not None}
        assert not ended, f"ended: {ended}\n{self.said()}"

    def said(self) -> str:
        """The last lines of every process."""
        return "\n".join(f"--- {name}\n{self.log(name).read_text()[-1500:]}" for name in self.processes)

    def faults(self, seed: int, *faults: dict[str, Any]) -> None:
        """The exchange fails so from now on."""
        self.exchange.admin("faults", {"seed": seed, "faults": list(faults)}, method="PUT")

    def ledger(self, key: str) -> Any:
        """What the exchange knows of a key."""
        return self.exchange.admin(f"ledger?key={key}")

    def books_agree(self, keys: Sequence[str]) -> list[Any]:
        """Both sides' books of every account are the same to the last digit; ours."""
        from tests.trading.test_kill import books_agree

        reports = self.do("report")
        assert [one["key"] for one in reports] == list(keys)
        for ours in reports:
            books_agree(ours, self.ledger(ours["key"]))
            assert (ours["status"], ours["bots"]) == ("active", ["running"])
        return reports

    def end(self) -> None:
        """Leave nothing running."""
        for one in self.processes.values():
            one.kill()
        for one in self.processes.values():
            one.wait(timeout=20)
        if hasattr(self, "desk"):
            self.desk.kill()
            self.desk.wait(timeout=20)
        self.exchange.stop()
        self.redis.remove()
        self.postgres.remove()
