"""Commands started by hand in a checkout: they take the settings of the demo that runs there, or of the last one.

The real environment wins over them, they win over `.env` (the demo was started under the same one). XRAY_DEMO=0, and
XRAY_READ_DOTENV=0, leave every demo alone.
"""

import json
import os
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path

from xray_site.demo import envfile
from xray_site.demo.records import Record, place, records_read

ROOT = Path(__file__).resolve().parent.parent.parent
RECORDS = ROOT / "var" / "demos"
# Commands that work on the code, or on files they are given: no state, no demo.
ALONE = frozenset(
    (
        *("backtest", "check", "collectstatic", "compile_kernels", "compilemessages", "env_make", "help", "indicators"),
        *("makemessages", "makemigrations", "practice_exchange", "run_demo", "scan", "spectacular", "sweep", "test"),
        "version",
    )
)
# Of these, what an argument beginning with this asks for is in the database: a stored strategy, a sweep that is kept.
_CUSTOM = ("custom:", "--strategy=custom:")
STORED = {"backtest": _CUSTOM, "scan": _CUSTOM, "sweep": (*_CUSTOM, "--save")}
PLATFORM = frozenset({"run_app", "streams"})  # what a running demo does itself


class Unclear(ValueError):
    """Which state is meant cannot be told, or must not be used; the text says what to set."""


def demo_settings_take(
    arguments: Sequence[str], environment: MutableMapping[str, str] = os.environ, *, root: Path = ROOT
) -> str:
    """Put the demo's settings into the environment; one line that says which, or "" where no demo is meant.

    Raises Unclear.
    """
    command = arguments[0] if arguments else "help"
    if _alone(arguments) or command.startswith("-") or {"-h", "--help"} & set(arguments):
        return ""
    if not (envfile.wanted(environment, "XRAY_DEMO") and envfile.wanted(environment)):
        return ""
    dotenv = envfile.env_read(root / ".env")
    record = None
    if envfile.wanted(dotenv, "XRAY_DEMO"):
        record = record_choose(records_read(root / "var" / "demos"), environment, dotenv)
    if record is None:
        return ""
    if command in PLATFORM and record.running:
        raise Unclear(f"A demo runs in {_short(record.folder, root)} and does this itself: stop it first.")
    if record.database:
        _servers_check(record, {**dotenv, **environment})
    taken = {name: value for name, value in record.settings.items() if not environment.get(name)}
    environment.update({**taken, "XRAY_VAR_DIR": str(record.folder)})
    return _line(record, environment, root)


def _alone(arguments: Sequence[str]) -> bool:
    """Whether the command needs no state."""
    command, *given = arguments or ("help",)
    return command in ALONE and not any(one.startswith(STORED.get(command, ())) for one in given)


def record_choose(records: Sequence[Record], given: Mapping[str, str], dotenv: Mapping[str, str]) -> Record | None:
    """The demo that is meant, or None. Raises Unclear when that may be several."""
    near = list(records)
    if folder := given.get("XRAY_VAR_DIR") or dotenv.get("XRAY_VAR_DIR"):
        wanted = Path(folder).resolve()
        near = [one for one in near if wanted in (one.folder, one.folder.parent)]
    near = _at_the_server(near, given, dotenv)
    near = _at_the_endpoints(near, given)
    running = [one for one in near if one.running]
    if len(running) > 1:
        raise Unclear(f"Several demos run. Say which one is meant: {_choices(running)}.")
    return running[0] if running else max(near, key=lambda one: one.started, default=None)


def _at_the_server(near: list[Record], given: Mapping[str, str], dotenv: Mapping[str, str]) -> list[Record]:
    """Where DATABASE_URL is set, only demos of that server are meant; one that runs elsewhere makes `.env` unclear."""
    server = given.get("DATABASE_URL", "")
    if not server and not given.get("XRAY_VAR_DIR"):
        server = dotenv.get("DATABASE_URL", "")
    if not server:
        return near
    there = [one for one in near if one.database == place(server)]
    elsewhere = [one for one in near if one not in there and one.running]
    if elsewhere and not given.get("DATABASE_URL"):
        raise Unclear(
            f".env names a database server, and a demo runs without it. Say which is meant: {_choices(elsewhere)} for "
            "the demo, XRAY_DEMO=0 for the server."
        )
    return there


def _at_the_endpoints(near: list[Record], given: Mapping[str, str]) -> list[Record]:
    """Endpoints that were set by hand must not meet the positions of another market."""
    endpoints = given.get("XRAY_EXCHANGE_ENDPOINTS", "")
    if not endpoints or given.get("XRAY_VAR_DIR"):
        return near
    there = [one for one in near if _parsed(one.settings["XRAY_EXCHANGE_ENDPOINTS"]) == _parsed(endpoints)]
    if elsewhere := [one for one in near if one not in there and one.running and not there]:
        raise Unclear(
            "XRAY_EXCHANGE_ENDPOINTS is set, but the demo that runs is at other endpoints. Unset it for the demo, or "
            f"name the state folder too: {_choices(elsewhere)} for the demo's."
        )
    return there


def _servers_check(record: Record, values: Mapping[str, str]) -> None:
    """URLs of servers may hold passwords and are not noted, so they must be set here as they were there."""
    noted = {"DATABASE_URL": record.database, "REDIS_URL": record.redis}
    if wrong := [name for name, where in noted.items() if place(values.get(name, "")) != where]:
        text = " and ".join(f"{name} (at {noted[name]})" for name in wrong)
        raise Unclear(f"The demo was started with make up: set {text} here as it was set there, or put it into .env.")


def _line(record: Record, environment: Mapping[str, str], root: Path) -> str:
    endpoints = _parsed(environment.get("XRAY_EXCHANGE_ENDPOINTS", ""))
    names = environment.get("XRAY_MARKET_EXCHANGES", "") or "binance"
    where = [f"{name} at {urls.get('rest')}" for name, urls in endpoints.items()] if endpoints else []
    which = "the running demo" if record.running else "the last demo, which does not run now"
    servers = f", database {record.database}" if record.database else ""
    return (
        f"settings of {which}: state folder {_short(record.folder, root)}{servers}, "
        f"{', '.join(where) or f'{names} on its own servers'}"
    )


def _parsed(text: str) -> dict[str, dict[str, str]]:
    """The endpoint JSON; broken JSON is reported by the settings check, by name."""
    try:
        return {str(name): dict(urls) for name, urls in json.loads(text or "{}").items()}
    except (ValueError, TypeError, AttributeError):
        return {"unreadable": {"text": text}}


def _choices(records: Sequence[Record]) -> str:
    return " or ".join(f"XRAY_VAR_DIR={_short(one.folder, ROOT)}" for one in records)


def _short(folder: Path, root: Path) -> str:
    """The folder as it can be typed in the checkout."""
    return str(folder.relative_to(root) if folder.is_relative_to(root) else folder)


def main(arguments: Sequence[str]) -> int:
    """For `manage.py`: take the settings and say so on stderr; 2 where that is refused."""
    try:
        line = demo_settings_take(arguments)
    except Unclear as error:
        sys.stderr.write(f"[demo] {error}\n")
        return 2
    if line:
        sys.stderr.write(f"[demo] {line}\n")
    return 0
