"""What the demo's processes are: their commands and environments."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xray_site.demo import envfile, ports
from xray_site.demo.supervisor import Child
from xray_site.demo.world import BadOption, World, world_from

ROOT = Path(__file__).resolve().parent.parent.parent
# One process holds web, worker, beat and streams: few arenas and few helper threads keep it small.
_SMALL = {
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
}


@dataclass(frozen=True)
class Plan:
    """A start that has been checked: the market, the ports, the folder, and the settings as the children get them."""

    world: World
    port: int
    practice_port: int
    var_dir: Path
    settings: Mapping[str, str]

    @property
    def address(self) -> str:
        """Where the browser goes."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def exchange_address(self) -> str:
        """Where the practice exchange listens."""
        return f"http://127.0.0.1:{self.practice_port}"


def settings_read() -> dict[str, str]:
    """`.env` under the real environment, as Django will see it; `.env` is made when it is missing."""
    values = dict(os.environ)
    return {**envfile.env_read(ROOT / ".env"), **values} if envfile.wanted(values) else values


def plan_make(settings: Mapping[str, str], *, say: object = None) -> Plan:
    """Check every option; raises BadOption with what is allowed, also for a busy port."""
    world = world_from(settings)
    port = ports.port_number("PORT", settings.get("PORT") or "8000")
    if not ports.port_free(port):
        raise BadOption(f"Port {port} is in use. Free it, or choose another: PORT={port + 1} make run")
    practice_port = _practice_port(settings, avoid=port) if world.practice else 0
    base = Path(settings.get("XRAY_VAR_DIR") or ROOT / "var").resolve()
    return Plan(world, port, practice_port, base / world.name, settings)


def _practice_port(settings: Mapping[str, str], avoid: int) -> int:
    asked = settings.get("PRACTICE_PORT", "")
    port = ports.port_number("PRACTICE_PORT", asked or "9400")
    if ports.port_free(port) and port != avoid:
        return port
    if asked:
        raise BadOption(f"PRACTICE_PORT {port} is in use. Free it, or choose another.")
    return ports.port_any()


def app_environment(plan: Plan, *, embedded: bool) -> dict[str, str]:
    """What the platform's processes see. Embedded: SQLite, memory broker and channels, whatever else is set."""
    values = {**plan.settings, "XRAY_VAR_DIR": str(plan.var_dir), "PORT": str(plan.port), "PYTHONUNBUFFERED": "1"}
    values["XRAY_EXCHANGE_ENDPOINTS"] = endpoints_json(plan)
    values["XRAY_DEMO"] = "0"  # these are the demo's settings: no other demo's are looked for
    values["XRAY_MARKET_EXCHANGES"] = plan.settings.get("XRAY_MARKET_EXCHANGES") or plan.world.exchange
    if not plan.world.practice:
        values["PRACTICE_ADMIN_TOKEN"] = ""  # our own exchange's token is nothing for another server
    if embedded:
        values |= _SMALL | {"XRAY_EMBEDDED": "1", "DATABASE_URL": "", "REDIS_URL": "", "XRAY_SQLITE": ""}
    return values


def endpoints_json(plan: Plan) -> str:
    """The endpoint override: our practice exchange, the one that is set, or none for a real exchange."""
    if not plan.world.practice:
        return plan.world.endpoints
    rest, ws = plan.exchange_address, f"ws://127.0.0.1:{plan.practice_port}"
    return json.dumps({plan.world.exchange: {"rest": rest, "ws": ws}})


def practice_child(plan: Plan) -> Child:
    """The practice exchange, a process of its own; the platform has to live through its restarts."""
    folder = plan.var_dir / "practice"
    folder.mkdir(parents=True, exist_ok=True)
    options = ["--port", str(plan.practice_port), "--seed", str(plan.world.seed), "--speed", f"{plan.world.speed:g}"]
    options += ["--state", str(folder / "state.sqlite3")]
    options += ["--data", str(plan.world.data)] if plan.world.data else []
    command = [sys.executable, str(ROOT / "manage.py"), "practice_exchange", *options]
    return Child(
        "practice exchange",
        command,
        {**plan.settings, **_SMALL, "PYTHONUNBUFFERED": "1"},
        5,
        stop_within_s=2.0,
        stage=0,
    )


def manage_child(name: str, environment: Mapping[str, str], *arguments: str) -> Child:
    """A management command as a child."""
    return Child(name, [sys.executable, str(ROOT / "manage.py"), *arguments], environment)


def procfile_children(environment: Mapping[str, str]) -> list[Child]:
    """The platform's separate processes, one for each line of the Procfile; each is started again when it dies."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    children = []
    for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines():
        name, separator, command = line.partition(":")
        if separator and not name.startswith("#"):
            shell = ["/bin/sh", "-c", command.strip()]
            children.append(Child(name, shell, {**environment, "PATH": path}, 5, stop_within_s=12.0, folder=ROOT))
    return children
