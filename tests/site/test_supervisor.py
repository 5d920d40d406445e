"""The supervisor: a group that starts, is watched, and goes down as one."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from xray_site.demo import ports
from xray_site.demo.plan import app_environment, plan_make, practice_child, procfile_children
from xray_site.demo.run import only_one
from xray_site.demo.supervisor import Child, ChildFailed, Supervisor
from xray_site.demo.world import BadOption

ROOT = Path(__file__).resolve().parents[2]
SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def busy_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture
def group():
    with Supervisor(lambda text: None) as supervisor:
        yield supervisor


def child(command: list[str], **options: object) -> Child:
    return Child("child", command, dict(os.environ), **options)


def test_a_busy_port_is_a_clear_message(busy_port, tmp_path):
    with pytest.raises(BadOption, match=f"Port {busy_port} is in use.*PORT={busy_port + 1} make run"):
        plan_make({"PORT": str(busy_port), "XRAY_VAR_DIR": str(tmp_path)})


def test_a_busy_practice_port_is_refused_only_when_it_was_asked_for(busy_port, tmp_path, monkeypatch):
    free = str(ports.port_any())
    with pytest.raises(BadOption, match="PRACTICE_PORT"):
        plan_make({"PORT": free, "PRACTICE_PORT": str(busy_port)})
    monkeypatch.setattr(ports, "port_free", lambda port, host="127.0.0.1": port != 9400)
    assert plan_make({"PORT": free, "XRAY_VAR_DIR": str(tmp_path)}).practice_port != 9400


@pytest.mark.parametrize("port", ["0", "70000", "http", "-1"])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(BadOption, match="PORT is"):
        plan_make({"PORT": port})


def test_the_platform_sees_embedded_defaults_and_only_our_exchange(tmp_path):
    servers = {"DATABASE_URL": "postgres://x/y", "REDIS_URL": "redis://x"}
    plan = plan_make({"PORT": str(ports.port_any()), "XRAY_VAR_DIR": str(tmp_path), "SEED": "3", **servers})
    seen = app_environment(plan, embedded=True)
    assert (seen["DATABASE_URL"], seen["REDIS_URL"], seen["XRAY_EMBEDDED"]) == ("", "", "1")
    assert f"http://127.0.0.1:{plan.practice_port}" in seen["XRAY_EXCHANGE_ENDPOINTS"]
    assert "--seed 3 --speed 60" in " ".join(practice_child(plan).command)
    assert app_environment(plan, embedded=False)["DATABASE_URL"] == "postgres://x/y"


def test_our_exchanges_token_is_not_told_to_another_server(tmp_path):
    settings = {"PORT": str(ports.port_any()), "XRAY_VAR_DIR": str(tmp_path), "PRACTICE_ADMIN_TOKEN": "ours"}
    elsewhere = {"XRAY_EXCHANGE_ENDPOINTS": '{"binance": {"rest": "http://127.0.0.1:9"}}'}
    assert app_environment(plan_make(settings), embedded=True)["PRACTICE_ADMIN_TOKEN"] == "ours"
    assert app_environment(plan_make(settings | elsewhere), embedded=True)["PRACTICE_ADMIN_TOKEN"] == ""


def test_the_same_market_is_not_started_twice(tmp_path):
    with only_one(tmp_path), pytest.raises(BadOption, match="runs already"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        assert (tmp_path / "demo.lock").read_text() == str(os.getpid())


def test_a_child_that_ends_is_an_error_that_names_it(group):
    group.start(child([sys.executable, "-c", "raise SystemExit(3)"]))
    with pytest.raises(ChildFailed, match=r"child has ended \(exit 3\)"):
        group.wait_until(lambda: False, timeout_s=30, what="Nothing")


def test_a_child_may_be_started_again(group):
    one = group.start(child(SLEEPER, restarts_left=1))
    first = one.process.pid
    one.process.kill()
    one.process.wait()
    group.wait_until(lambda: one.running, timeout_s=30, what="The second life")
    assert one.process.pid != first


def test_waiting_has_a_limit(group):
    with pytest.raises(ChildFailed, match="was not ready"):
        group.wait_until(lambda: False, timeout_s=0.1, what="Nothing")


def test_leaving_stops_the_children_and_kills_one_that_will_not():
    deaf = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); signal.pause()"
    with Supervisor(lambda text: None) as group:
        willing, stubborn = child(SLEEPER), child([sys.executable, "-c", deaf], stop_within_s=0.2)
        group.start(willing)
        group.start(stubborn)
    assert willing.process.returncode == -signal.SIGTERM
    assert stubborn.process.returncode in (-signal.SIGKILL, -signal.SIGTERM)


def script(body: str) -> subprocess.Popen[str]:
    """A supervisor of its own in another process; it prints its child's pid."""
    text = textwrap.dedent(
        f"""
        import os, sys
        from xray_site.demo.supervisor import Child, Supervisor
        with Supervisor(print) as group:
            one = group.start(Child("child", {SLEEPER!r}, dict(os.environ)))
            print(one.process.pid, flush=True)
            {body}
        """
    )
    return subprocess.Popen([sys.executable, "-c", text], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def gone(pid: int, within_s: float = 10.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        os.sched_yield()
    return False


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_supervisor_and_child(signum):
    process = script("group.watch_forever()")
    pid = int(process.stdout.readline())
    process.send_signal(signum)
    assert process.wait(timeout=20) == 0
    assert gone(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux")
def test_children_die_with_a_killed_supervisor():
    process = script("group.watch_forever()")
    pid = int(process.stdout.readline())
    process.kill()
    process.wait(timeout=20)
    assert gone(pid)


def test_ctrl_c_of_the_terminal_reaches_the_supervisor_only(group):
    one = group.start(child([sys.executable, "-c", "import time; print(1, flush=True); time.sleep(600)"]))
    one.process.send_signal(signal.SIGINT)
    with pytest.raises(ChildFailed, match="not ready"):
        group.wait_until(lambda: not one.running, timeout_s=0.5, what="A death")


def test_a_child_that_lived_long_has_all_its_restarts_again(group):
    one = group.start(child(SLEEPER, restarts_left=1))
    for life in range(3):
        one.started_at -= 3600
        first = one.process.pid
        one.process.kill()
        one.process.wait()
        group.wait_until(lambda: one.running, timeout_s=30, what=f"Life {life + 2}")
        assert one.process.pid != first
    one.process.kill()
    one.process.wait()
    with pytest.raises(ChildFailed, match="has ended"):
        group.wait_until(lambda: one.running, timeout_s=30, what="One life too many")


def test_stages_stop_from_the_top(tmp_path):
    log = tmp_path / "log"
    body = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    open({log!r}, 'a').write({name!r})\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "open({log!r} + {name!r}, 'w').close()\n"
        "time.sleep(600)\n"
    )
    with Supervisor(lambda text: None) as group:
        for name, stage in (("e", 0), ("p", 1), ("q", 1)):
            group.start(child([sys.executable, "-c", body.format(log=str(log), name=name)], stage=stage))
        group.wait_until(
            lambda: all(Path(f"{log}{name}").exists() for name in "epq"), timeout_s=30, what="The handlers"
        )
    assert sorted(log.read_text()[:2]) == ["p", "q"]
    assert log.read_text()[2:] == "e"


def test_the_procfile_is_the_list_of_separate_processes():
    children = {one.name: one for one in procfile_children({"PATH": "/usr/bin"})}
    assert children.keys() == {"web", "scan", "execution", "default", "learning", "beat", "streams"}
    assert all(one.command[2].startswith("exec ") and one.restarts_left for one in children.values())
    assert children["web"].environment["PATH"].startswith(str(Path(sys.executable).parent))
