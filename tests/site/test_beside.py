"""Commands started by hand find the demo of their checkout; what is ambiguous is refused with what to set."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from accounts.processes import folder_hold, folder_holder
from xray_site.demo import ports
from xray_site.demo.beside import ALONE, Unclear, demo_settings_take
from xray_site.demo.envfile import env_make
from xray_site.demo.plan import app_environment, plan_make
from xray_site.demo.records import record_make, record_write, records_read

ROOT = Path(__file__).resolve().parents[2]
URL = "postgres://someone:secret@127.0.0.1:5432/xray"
REDIS = "redis://:secret@127.0.0.1:6379/0"
ELSEWHERE = '{"binance": {"rest": "http://127.0.0.1:2", "ws": "ws://127.0.0.1:2"}}'


class Checkout:
    """The records and the `.env` of one checkout, and the state folders of its demos."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.demos, self.count = folder, ExitStack(), 0

    def demo(self, name: str, *, running: bool = False, **values: str) -> Path:
        """A demo that was started here, with `make up` when a server is given."""
        state = self.folder / "states" / name
        state.mkdir(parents=True, exist_ok=True)
        if running:
            self.demos.enter_context(folder_hold(state))
        self.count += 1
        endpoints = json.dumps({"binance": {"rest": f"http://127.0.0.1:{9400 + self.count}"}})
        embedded = {} if "DATABASE_URL" in values else {"DATABASE_URL": "", "REDIS_URL": "", "XRAY_SQLITE": ""}
        environment = {"XRAY_VAR_DIR": str(state), "XRAY_EXCHANGE_ENDPOINTS": endpoints, **embedded, **values}
        record_write(self.folder / "var" / "demos", record_make(environment, started=float(self.count)))
        return state

    def dotenv(self, **values: str) -> None:
        (self.folder / ".env").write_text("\n".join(f"{name}={value}" for name, value in values.items()))

    def take(self, *arguments: str, **given: str) -> dict[str, str]:
        """What a command sees that is started with these settings in its environment."""
        environment = dict(given)
        self.said = demo_settings_take(arguments or ("shell",), environment, root=self.folder)
        return environment


@pytest.fixture
def checkout(tmp_path):
    one = Checkout(tmp_path)
    with one.demos:
        yield one


def test_where_no_demo_was_started_nothing_changes(checkout):
    assert checkout.take(PATH="x") == {"PATH": "x"}
    assert checkout.said == ""


def test_the_running_demo_is_found_and_said(checkout):
    state = checkout.demo("one", running=True, XRAY_MARKET_EXCHANGES="binance", XRAY_TIMEFRAMES="1m,5m")
    checkout.demo("later")
    seen = checkout.take(PRACTICE_ADMIN_TOKEN="ours")
    assert seen["XRAY_VAR_DIR"] == str(state)
    assert json.loads(seen["XRAY_EXCHANGE_ENDPOINTS"])["binance"]["rest"] == "http://127.0.0.1:9401"
    assert (seen["XRAY_TIMEFRAMES"], seen["DATABASE_URL"], seen["PRACTICE_ADMIN_TOKEN"]) == ("1m,5m", "", "ours")
    assert checkout.said == ("settings of the running demo: state folder states/one, binance at http://127.0.0.1:9401")


def test_without_a_running_demo_it_is_the_last_one_that_is_still_there(checkout):
    checkout.demo("one")
    state, gone = checkout.demo("two"), checkout.demo("gone")
    gone.rmdir()
    assert checkout.take()["XRAY_VAR_DIR"] == str(state)
    assert "the last demo, which does not run now" in checkout.said


def test_a_started_again_demo_replaces_its_record_and_clears_away_dead_ones(checkout):
    checkout.demo("gone").rmdir()
    checkout.demo("one")
    checkout.demo("one")
    (record,) = records_read(checkout.folder / "var" / "demos")
    assert "9403" in record.settings["XRAY_EXCHANGE_ENDPOINTS"]
    assert len(list((checkout.folder / "var" / "demos").iterdir())) == 1


def test_the_real_environment_wins(checkout):
    checkout.demo("one", running=True, XRAY_TIMEFRAMES="1m")
    seen = checkout.take(XRAY_TIMEFRAMES="5m", XRAY_SQLITE="/elsewhere.sqlite3")
    assert (seen["XRAY_TIMEFRAMES"], seen["XRAY_SQLITE"]) == ("5m", "/elsewhere.sqlite3")


def test_a_folder_chooses_its_demo_and_may_be_the_one_above_it(checkout):
    one = checkout.demo("one", running=True)
    two = checkout.demo("two", running=True)
    assert checkout.take(XRAY_VAR_DIR=str(two))["XRAY_EXCHANGE_ENDPOINTS"]
    with pytest.raises(Unclear, match=f"Several demos run.*XRAY_VAR_DIR={one} or XRAY_VAR_DIR={two}"):
        checkout.take(XRAY_VAR_DIR=str(one.parent))
    with pytest.raises(Unclear, match="Several demos run"):
        checkout.take()
    own = {"XRAY_VAR_DIR": str(checkout.folder / "own")}
    assert checkout.take(**own) == own


def test_the_state_of_one_market_does_not_meet_the_endpoints_of_another(checkout):
    state = checkout.demo("one", running=True)
    with pytest.raises(Unclear, match=f"Unset it.*XRAY_VAR_DIR={state}"):
        checkout.take(XRAY_EXCHANGE_ENDPOINTS=ELSEWHERE)
    other = checkout.demo("other", XRAY_EXCHANGE_ENDPOINTS=ELSEWHERE)
    assert checkout.take(XRAY_EXCHANGE_ENDPOINTS=ELSEWHERE)["XRAY_VAR_DIR"] == str(other)
    both = checkout.take(XRAY_EXCHANGE_ENDPOINTS=ELSEWHERE, XRAY_VAR_DIR=str(state))
    assert both["XRAY_EXCHANGE_ENDPOINTS"] == ELSEWHERE


def test_a_server_in_the_environment_is_no_demo(checkout):
    checkout.demo("one", running=True)
    assert checkout.take(DATABASE_URL=URL) == {"DATABASE_URL": URL}


def test_a_server_in_dotenv_wins_over_the_last_demo_and_is_unclear_beside_a_running_one(checkout):
    state = checkout.demo("one")
    checkout.dotenv(DATABASE_URL=URL)
    assert checkout.take() == {}
    checkout.demo("one", running=True)
    with pytest.raises(Unclear, match="XRAY_DEMO=0 for the server"):
        checkout.take()
    assert checkout.take(XRAY_DEMO="0") == {"XRAY_DEMO": "0"}
    assert checkout.take(XRAY_VAR_DIR=str(state))["DATABASE_URL"] == ""


def test_separate_processes_are_found_by_their_servers_without_noting_a_password(checkout):
    state = checkout.demo("up", running=True, DATABASE_URL=URL, REDIS_URL=REDIS)
    with pytest.raises(Unclear, match=r"set DATABASE_URL \(at 127.0.0.1:5432/xray\) and REDIS_URL"):
        checkout.take()
    assert checkout.take(DATABASE_URL=URL, REDIS_URL=REDIS)["XRAY_VAR_DIR"] == str(state)
    assert "database 127.0.0.1:5432/xray" in checkout.said
    checkout.dotenv(DATABASE_URL=URL, REDIS_URL=REDIS)
    assert "DATABASE_URL" not in checkout.take()
    (note,) = (checkout.folder / "var" / "demos").iterdir()
    assert "secret" not in note.read_text()
    assert note.stat().st_mode & 0o077 == 0


def test_a_secret_is_never_noted(tmp_path):
    values = {"PORT": str(ports.port_any()), "XRAY_VAR_DIR": str(tmp_path), "SECRET_KEY": "hush",
              "XRAY_MASTER_KEYS": "hush", "PRACTICE_ADMIN_TOKEN": "hush", "XRAY_DEMO_API_SECRET": "hush"}  # fmt: skip
    environment = app_environment(plan_make(values), embedded=True)
    assert environment["XRAY_DEMO"] == "0"
    assert "hush" not in json.dumps(record_make(environment, started=1.0).settings)
    endpoints = {"XRAY_EXCHANGE_ENDPOINTS": '{"binance": {"rest": "http://me:hush@127.0.0.1:1"}}'}
    record_write(tmp_path / "demos", record_make({**environment, **endpoints}, started=1.0))
    assert not list(tmp_path.glob("demos/*"))


@pytest.mark.parametrize(
    ("arguments", "taken"),
    [
        (("backtest", "--strategy", "ma_cross"), False),
        (("backtest", "--strategy", "custom.py"), False),
        (("backtest", "--strategy", "custom:mine"), True),
        (("backtest", "--strategy=custom:mine"), True),
        (("sweep", "--strategy", "ma_cross", "--json"), False),
        (("sweep", "--strategy", "ma_cross", "--save"), True),
        (("sweep", "--strategy", "custom:mine"), True),
        (("scan", "--strategy=custom:mine"), True),
        (("scan", "--data", "folder"), False),
    ],
)
def test_commands_on_files_take_a_demo_only_for_what_is_stored_there(checkout, arguments, taken):
    state = checkout.demo("one", running=True)
    assert checkout.take(*arguments).get("XRAY_VAR_DIR") == (str(state) if taken else None)


@pytest.mark.parametrize("arguments", [(name,) for name in sorted(ALONE)] + [("runbot", "--help"), ("--version",)])
def test_commands_without_state_take_nothing(checkout, arguments):
    checkout.demo("one", running=True)
    assert checkout.take(*arguments) == {}


@pytest.mark.parametrize("given", [{"XRAY_DEMO": "0"}, {"XRAY_READ_DOTENV": "0"}, {"XRAY_READ_DOTENV": "no"}])
def test_who_wants_no_demo_gets_none(checkout, given):
    checkout.demo("one", running=True)
    assert checkout.take(**given) == given


def test_what_a_running_demo_does_itself_is_not_started_twice(checkout):
    state = checkout.demo("one")
    assert checkout.take("run_app")["XRAY_VAR_DIR"] == str(state)
    checkout.demo("one", running=True)
    with pytest.raises(Unclear, match="stop it first"):
        checkout.take("streams")


def test_notes_that_cannot_be_read_are_no_demos(checkout):
    state = checkout.demo("one")
    for number, text in enumerate(("{", "[]", "{}", '{"settings": {}, "started": 1, "database": "", "redis": ""}')):
        (checkout.folder / "var" / "demos" / f"{number}.json").write_text(text)
    assert checkout.take()["XRAY_VAR_DIR"] == str(state)


def test_who_holds_a_folder_is_known_until_it_lets_go(tmp_path):
    assert folder_holder(tmp_path / "absent") == folder_holder(tmp_path) == ""
    with folder_hold(tmp_path, "runbot") as free:
        assert free
        assert folder_holder(tmp_path) == f"{os.getpid()} runbot"
        with folder_hold(tmp_path) as again:
            assert not again
        assert folder_holder(tmp_path) == f"{os.getpid()} runbot"
    assert folder_holder(tmp_path) == ""


@pytest.fixture
def copied(tmp_path):
    """This checkout's code in a folder of its own, with an `.env`, as somebody has cloned it."""
    folder = tmp_path / "checkout"
    packages = ("accounts", "signals", "mlmodels", "trading", "xray_site", "templates", "static")
    for name in packages:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", folder)
    env_make(folder / ".env")
    return folder


def plain_environment() -> dict[str, str]:
    """The environment of a shell in which nothing of ours was exported."""
    own = ("SECRET_KEY", "DATABASE_URL", "REDIS_URL", "PRACTICE_ADMIN_TOKEN", "MAKELEVEL", "EXCHANGE", "DATA", "PORT")
    return {name: value for name, value in os.environ.items() if not name.startswith("XRAY_") and name not in own}


def command(checkout: Path, *arguments: str, **values: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, str(checkout / "manage.py"), *arguments]
    environment = plain_environment() | values
    return subprocess.run(program, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_a_command_of_a_real_checkout(copied):
    one = Checkout(copied)
    print_them = "from django.conf import settings as s; print(s.VAR_DIR, s.XRAY_EXCHANGE_ENDPOINTS)"
    with one.demos:
        state = one.demo("one", running=True, XRAY_EXCHANGE_ENDPOINTS=ELSEWHERE)
        done = command(copied, "shell", "--no-imports", "-c", print_them)
        assert done.stdout.strip() == f"{state} {ELSEWHERE}"
        assert done.stderr.strip() == (
            "[demo] settings of the running demo: state folder states/one, binance at http://127.0.0.1:2"
        )
        one.demo("two", running=True)
        refused = command(copied, "shell", "-c", print_them)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.startswith("[demo] Several demos run.")
