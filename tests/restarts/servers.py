"""A PostgreSQL and a Redis of the tests' own, in folders of their own, to be stopped in every way there is."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import redis

OWNER = "postgres"  # PostgreSQL refuses to run as root
READY_S = 20.0


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def postgres_programs() -> Path:
    """Where `initdb` and `pg_ctl` are; skips where PostgreSQL's server is not installed."""
    told = (
        subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True) if shutil.which("pg_config") else None
    )
    places = [Path(told.stdout.strip())] if told else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = next((place for place in places if (place / "pg_ctl").exists() and (place / "initdb").exists()), None)
    if found is None:
        pytest.skip("needs PostgreSQL's own programs (initdb, pg_ctl)")
    return found


class Postgres:
    """One cluster with one database, `xray`."""

    def __init__(self) -> None:
        self.programs, self.port = postgres_programs(), free_port()
        self.more = ""  # options from its next start on
        self.folder = Path(tempfile.mkdtemp(prefix="xray-postgres-"))  # pytest's own folders are closed to others
        if os.getuid() == 0:
            shutil.chown(self.folder, OWNER)
        self._run("initdb", "-D", f"{self.folder}/data", "-A", "trust", "-U", "xray", "-E", "UTF8", "--no-sync")
        self.start()
        there = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "xray"]
        subprocess.run([self.programs / "createdb", *there, "xray"], check=True)

    @property
    def url(self) -> str:
        """For DATABASE_URL."""
        return f"postgres://xray@127.0.0.1:{self.port}/xray"

    def start(self) -> None:
        """Returns when it takes connections."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=60"
        options += f" {self.more}"
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-l", f"{self.folder}/log", "-o", options, "start")

    def stop(self, how: str) -> None:
        """`fast` ends every connection and writes everything back; `immediate` is a crash."""
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-m", how, "-w", "stop")

    def remove(self) -> None:
        """End it, and leave nothing."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        prefix = ["runuser", "-u", OWNER, "--"] if os.getuid() == 0 else []
        # `pg_ctl start` leaves its server behind: with pipes one would wait for that to end.
        with (self.folder.parent / f"{self.folder.name}.out").open("w+") as out:
            command = [*prefix, str(self.programs / program), *arguments]
            code = subprocess.run(command, stdout=out, stderr=out, cwd=self.folder, timeout=60).returncode
            out.seek(0)
            text = out.read()
        Path(out.name).unlink()
        assert code == 0, f"{program} {arguments}: {text}"


class Redis:
    """One server, with its data on disk (`kept`) or in memory only."""

    def __init__(self) -> None:
        self.port, self.kept = free_port(), False
        self.folder = Path(tempfile.mkdtemp(prefix="xray-redis-"))
        self.client = redis.Redis(port=self.port, socket_timeout=5)
        self.start()

    @property
    def url(self) -> str:
        """For REDIS_URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def keep(self, kept: bool) -> None:
        """From now on a restart finds everything again, or nothing."""
        self.kept = kept
        self.client.config_set("appendonly", "yes" if kept else "no")
        deadline = time.monotonic() + READY_S
        while kept and self.client.info("persistence")["aof_rewrite_in_progress"] and time.monotonic() < deadline:
            time.sleep(0.02)

    def start(self) -> None:
        """Returns when it answers."""
        disk = ["--appendonly", "yes" if self.kept else "no", "--appendfsync", "always", "--save", ""]
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), *disk]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            try:
                self.client.ping()
                return
            except redis.RedisError:
                time.sleep(0.02)
        raise AssertionError((self.folder / "log").read_text()[-2000:])

    def stop(self, how: str) -> None:
        """`kill` is SIGKILL, `shutdown` its own command."""
        self.process.send_signal(signal.SIGKILL if how == "kill" else signal.SIGTERM)
        self.process.wait(timeout=READY_S)

    def remove(self) -> None:
        """End it, and leave nothing."""
        self.process.kill()
        self.process.wait(timeout=READY_S)
        shutil.rmtree(self.folder, ignore_errors=True)
