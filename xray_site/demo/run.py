"""`make run`: the whole platform in one process group on embedded defaults; `make up`: separate processes."""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from accounts.processes import folder_hold, folder_holder
from xray_site.demo import beside, envfile, ports
from xray_site.demo.plan import (
    ROOT,
    Plan,
    app_environment,
    manage_child,
    plan_make,
    practice_child,
    procfile_children,
    settings_read,
)
from xray_site.demo.records import record_make, record_write
from xray_site.demo.supervisor import ChildFailed, Stopped, Supervisor, die_with_parent
from xray_site.demo.world import BadOption, World

OPTIONS = {
    "PORT": "port of the pages (8000)",
    "PRACTICE_PORT": "port of the practice exchange (9400, or a free one)",
    "SEED": "seed of the synthetic market (7)",
    "SPEED": "how much faster than real time the market moves (60)",
    "DATA": "folder of Parquet candles to replay instead of the synthetic market",
    "EXCHANGE": "trade on paper on this real exchange's public data",
}
_LOGINS = (("staff@xray.example", "STAFF"), ("paper@xray.example", "PAPER"), ("practice@xray.example", "PRACTICE"))


def say(text: str) -> None:
    """Print a progress line at once."""
    print(f"[demo] {text}", flush=True)  # noqa: T201


def main(arguments: list[str], *, separate: bool = False) -> int:
    """Run until Ctrl-C or SIGTERM; the exit code: 0 stopped as asked, 1 failed, 2 an option is wrong."""
    began = time.monotonic()
    _options_read(arguments)
    if os.environ.get("MAKELEVEL"):
        die_with_parent(
            signal.SIGTERM
        )  # `make` killed takes the demo with it; started by hand, the demo may outlive a shell
    if envfile.wanted(os.environ) and envfile.env_make(ROOT / ".env"):
        say("made .env with fresh secrets (mode 600)")
    try:
        plan = plan_make(settings_read())
        _check_servers(plan, separate=separate)
        with only_one(plan.var_dir):
            return _supervise(plan, began, separate=separate)
    except BadOption as error:
        sys.stderr.write(f"[demo] {error}\n")
        return 2


def _options_read(arguments: list[str]) -> None:
    """Command-line options win over the environment: `--port 8001` is `PORT=8001`."""
    parser = argparse.ArgumentParser(prog="manage.py run_demo", description=__doc__)
    for name, text in OPTIONS.items():
        parser.add_argument(f"--{name.lower().replace('_', '-')}", dest=name, help=text)
    chosen = vars(parser.parse_args(arguments))
    os.environ.update({name: value for name, value in chosen.items() if value is not None})


def _check_servers(plan: Plan, *, separate: bool) -> None:
    named = [name for name in ("DATABASE_URL", "REDIS_URL") if plan.settings.get(name)]
    if separate and len(named) < 2:
        raise BadOption(
            "make up needs DATABASE_URL and REDIS_URL, such as postgres:///xray and redis://127.0.0.1:6379/0."
        )
    if not separate and named:
        say(f"{' and '.join(named)} not used here: make run is SQLite and memory, make up is separate processes")


@contextlib.contextmanager
def only_one(var_dir: Path) -> Iterator[None]:
    """Hold this market's folder; raises BadOption when another demo holds it. The kernel frees it however we die."""
    with folder_hold(var_dir) as free:
        if not free:
            raise BadOption(f"This market's demo runs already (process {folder_holder(var_dir)}). Stop it first.")
        yield


def _supervise(plan: Plan, began: float, *, separate: bool) -> int:
    with Supervisor(say) as group:
        try:
            _start(group, plan, separate=separate)
            _greet(plan, time.monotonic() - began)
            group.watch_forever()
        except Stopped:
            pass
        except ChildFailed as error:
            sys.stderr.write(f"[demo] {error} Stopping.\n")
            return 1
        say("stopping ...")
    say("stopped; the next start continues from here")
    return 0


def _start(group: Supervisor, plan: Plan, *, separate: bool) -> None:
    environment = app_environment(plan, embedded=not separate)
    _note(environment)
    say(_market_text(plan))
    if plan.world.practice:
        group.start(practice_child(plan))
    prepare = group.start(manage_child("preparation", environment, "demo_prepare"))
    if code := group.wait_done(prepare):
        raise ChildFailed(f"The preparation failed (exit {code}), see above.")
    if plan.world.practice:
        group.wait_until(
            lambda: ports.answers(f"{plan.exchange_address}/api/v3/ping"), timeout_s=120, what="The exchange"
        )
    say("starting the platform")
    for child in procfile_children(environment) if separate else [manage_child("platform", environment, "run_app")]:
        group.start(child)
    group.wait_until(lambda: ports.answers(f"{plan.address}/healthz"), timeout_s=60, what="The platform")


def _note(environment: Mapping[str, str]) -> None:
    """Let commands that are started by hand find this demo; not where the environment alone counts (tests)."""
    if envfile.wanted(environment):
        try:
            record_write(beside.RECORDS, record_make(environment, started=time.time()))
        except OSError as error:
            say(f"commands started by hand will not find this demo: {error}")


def _market_text(plan: Plan) -> str:
    world: World = plan.world
    if world.practice:
        what = f"candles of {world.data}" if world.data else f"a synthetic market (seed {world.seed})"
        return f"practice exchange on port {plan.practice_port}: {what}, {world.speed:g} times faster than real time"
    return (
        f"the exchange behind XRAY_EXCHANGE_ENDPOINTS ({world.exchange})"
        if world.endpoints
        else f"paper on {world.exchange}"
    )


def _greet(plan: Plan, took_s: float) -> None:
    say(f"ready in {took_s:.0f} s.  Open {plan.address}  (API: {plan.address}/api/docs/, admin: {plan.address}/admin/)")
    for email, name in _LOGINS:
        password = plan.settings.get(f"XRAY_DEMO_{name}_PASSWORD")
        if password and (name != "PRACTICE" or plan.world.practice):
            say(f"  log in as {email:<22} password {password}")
    say("Signals appear within seconds, trades follow. Ctrl-C stops everything.")
