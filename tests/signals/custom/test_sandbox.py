"""What a strategy's process can do when its author means harm: compute, and nothing else."""

import os
import platform
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from signals.custom import client
from signals.custom.client import StrategyFailure
from tests.signals.custom.conftest import TIME_S, Closing, arrays
from tests.signals.custom.files import text

ROOT = Path(__file__).resolve().parents[3]
UNHOOKED = "import sys\nsys.modules['signals.custom.sandbox'].REFUSED_EVENTS = ('nothing',)\n"

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="the kernel filter is Linux's"
)


def test_a_good_strategy_answers(decide):
    header, out = decide("")
    assert set(out) == {"side", "confidence", "details.line"} and header["cpu_s"] > 0


def test_the_environment_holds_nothing_and_is_read_by_nobody(decide, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "the-key-of-this-test")
    told = str(decide("import os\nraise ValueError(repr(dict(os.environ)))"))
    assert "NUM_THREADS" in told and "the-key" not in told


@pytest.mark.parametrize("top", ["", UNHOOKED], ids=["python and kernel", "kernel alone"])
@pytest.mark.parametrize(
    "body",
    [
        "open('/proc/PARENT/environ').read()",
        "open('ROOT/manage.py').read()",
        "open('/tmp/written-by-a-strategy', 'w')",
        "import os\nos.listdir('/')",
        "import os\nos.open('/etc/passwd', 0)",
        "import socket\nsocket.socket()",
        "import posix\nposix.fork()",
        "import posix\nposix.posix_spawn('/bin/true', ['true'], {})",
        "import posix\nposix.execv('/bin/true', ['true'])",
        "import posix\nposix.kill(PARENT, 9)",
        "import posix\nposix.kill(1, 9)",
        "import posix\nposix.pipe()",
        "import posix\nposix.setuid(0)",
        "import sqlite3",
        "import subprocess\nsubprocess.run(['true'])",
        "import threading\nthreading.Thread(target=print).start()",
    ],
)
def test_nothing_can_be_opened_started_or_killed(decide, body, top):
    failure = decide(body.replace("PARENT", str(os.getpid())).replace("ROOT", str(ROOT)), top=top)
    assert isinstance(failure, StrategyFailure) and failure.kind in ("raises", "contract"), failure
    assert failure.place.line > 0 and failure.place.function == "decide"
    assert not Path("/tmp/written-by-a-strategy").exists()


RAW = {
    "open": 2, "openat": 257, "openat2": 437, "stat": 4, "socket": 41, "socketpair": 53, "connect": 42, "bind": 49,
    "clone": 56, "fork": 57, "vfork": 58, "clone3": 435, "execve": 59, "execveat": 322, "kill": 62, "tgkill": 234,
    "ptrace": 101, "process_vm_readv": 310, "prlimit64": 302, "setrlimit": 160, "unshare": 272, "setns": 308,
    "mount": 165, "bpf": 321, "io_uring_setup": 425, "memfd_create": 319, "userfaultfd": 323, "shmget": 29,
    "mq_open": 240, "perf_event_open": 298, "keyctl": 250, "pidfd_open": 434, "dup": 32, "sendfile": 40, "pwrite64": 18,
    "prctl": 157, "setuid": 105, "ioctl": 16, "fcntl": 72, "eventfd2": 290, "inotify_init": 253, "reboot": 169,
}  # fmt: skip


@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86-64")
def test_every_raw_system_call_is_refused_by_the_kernel(decide):
    body = (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nmissed = []\n"
        f"for name, number in {RAW!r}.items():\n"
        "    ctypes.set_errno(0)\n"
        "    if libc.syscall(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() != 1:\n"
        "        missed.append((name, ctypes.get_errno()))\n"
        "raise ValueError(f'missed {missed}')"
    )
    assert "missed []" in str(decide(body, top=UNHOOKED))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86-64")
def test_memory_cannot_be_made_executable_and_other_numbers_end_it(decide):
    call = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
    told = str(
        decide(call + "raise ValueError((libc.syscall(9, 0, 4096, 7, 34, -1, 0), ctypes.get_errno()))", top=UNHOOKED)
    )
    assert "(-1, 1)" in told
    assert "SIGSYS" in str(decide(call + "libc.syscall(0x40000000 + 41, 2, 1, 0)", top=UNHOOKED))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_it_is_another_user_where_the_platform_is_root():
    with closing(Closing(file="mine.py", source=text(), memory_mb=256)) as child:
        status = Path(f"/proc/{child.pid}/status").read_text()
    assert "Uid:\t65534\t65534\t65534" in status and "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status


@pytest.mark.parametrize(
    "body",
    ["held = [np.ones(10**7) for _ in range(100)]", "np.ones(10**12)", "text = 'x' * 10**10", "bytearray(10**9)"],
)
def test_memory_is_bounded(decide, body):
    failure = decide(body)
    assert failure.kind == "memory" and failure.place.line == 22 and "fewer" in str(failure)


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "import _thread\nlock = _thread.allocate_lock()\nlock.acquire()\nlock.acquire()",
        "import time\ntime.sleep(1000)",
        "while True:\n    try:\n        1 / 0\n    except BaseException:\n        pass",
        "import os\nwhile True: os.write(2, b'x' * 65536)",
        "np.linalg.svd(np.random.rand(3000, 3000))",
    ],
    ids=["loop", "deadlock", "sleep", "catches all", "floods", "long call"],
)
def test_what_takes_too_long_is_stopped_at_its_line(decide, body):
    failure = decide(body, seconds=0.7, memory_mb=1024)
    assert failure.kind == "slow" and "0.7 s" in str(failure)
    if "os.write" not in body:
        assert failure.place.line >= 22 and failure.place.source


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("import os\nos._exit(3)", "crash"),
        ("raise SystemExit(3)", "raises"),
        ("import os\nos.write(1, b'junk' * 100)\nwhile True: pass", "protocol"),
        (
            "import os, struct\nos.write(1, struct.pack('<4sIQ', b'XRS1', 1 << 31, 1 << 62))\nwhile True: pass",
            "protocol",
        ),
        ("import ctypes\nctypes.string_at(0)", "crash"),
        ("f = lambda n: f(n + 1)\nf(0)", "raises"),
        ("import sys\nsys.setrecursionlimit(10**9)\nf = lambda n: max(0, n, key=f)\nf(0)", "crash"),
        ("import signal\nsignal.raise_signal(9)", "raises"),
        ("np.ascontiguousarray = lambda *a: None", "crash"),
        ("import sys\nsys.modules['signals.custom.wire'].pack = lambda *a: [b'XRS1']", "slow"),
    ],
)
def test_what_ends_or_breaks_its_process_harms_nobody_else(decide, body, kind):
    failure = decide(body, seconds=5.0, top=UNHOOKED if "ctypes" in body else "")
    assert failure.kind == kind, failure
    assert decide("")[1]


def test_printing_megabytes_goes_nowhere(decide):
    header, out = decide("for _ in range(100): print('x' * 10**6)")
    assert "error" not in header and "side" in out


def test_a_process_stays_warm_and_says_where_it_raised():
    with closing(Closing(file="mine.py", source=text("1 / (close.shape[0] - 3)"), memory_mb=256)) as child:
        with pytest.raises(StrategyFailure, match="ZeroDivisionError") as caught:
            child.ask("decide", TIME_S, arrays(), 1 << 20, values={"period": 20})
        assert (caught.value.place.line, caught.value.place.source) == (22, "1 / (close.shape[0] - 3)")
        assert child.ask("decide", TIME_S, arrays(4), 1 << 20, values={"period": 20})[1]["side"].shape == (4, 60)


def test_what_is_handed_over_cannot_be_changed(decide):
    assert "read-only" in str(decide("close[:, 0] = 1.0"))


@pytest.mark.parametrize(
    "source", ["def", "1 / 0", "x = 1", text() + text(kind="two").replace("class LineCross", "class Two")]
)
def test_a_file_that_does_not_load_leaves_no_process(source, monkeypatch):
    started = []
    popen = subprocess.Popen
    monkeypatch.setattr(client.subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])
    with pytest.raises(StrategyFailure):
        Closing(file="mine.py", source=source, memory_mb=256)
    assert started[0].poll() is not None


def test_where_the_kernel_does_not_shut_it_in_nothing_runs(monkeypatch):
    without = client.PROGRAM.replace("main; main", "main, sandbox; sandbox.MACHINES.clear(); main")
    monkeypatch.setattr(client, "PROGRAM", without)
    with pytest.raises(StrategyFailure, match="XRAY_STRATEGY_UNSAFE") as caught:
        Closing(file="mine.py", source=text(), memory_mb=256)
    assert caught.value.kind == "sandbox"
    with closing(Closing(file="mine.py", source=text("open('/etc/passwd')"), memory_mb=256, unsafe=True)) as child:
        assert not child.kernel
        with pytest.raises(StrategyFailure, match="may compute and nothing else"):
            child.ask("decide", TIME_S, arrays(), 1 << 20, values={"period": 20})


def test_it_ends_itself_when_the_platform_was_killed():
    code = (
        "import sys, threading, time\nfrom pathlib import Path\n"
        "from tests.signals.custom.conftest import Closing, arrays\nfrom tests.signals.custom.files import text\n"
        "child = Closing(file='mine.py', source=text('while True: pass'), memory_mb=256)\n"
        "ask = lambda: child.ask('decide', 2.0, arrays(), 1 << 20, values={'period': 20})\n"
        "used = lambda: int(Path(f'/proc/{child.pid}/stat').read_text().split()[13])\n"
        "before = used()\n"
        "if sys.argv[1] == 'busy':\n"
        "    threading.Thread(target=ask, daemon=True).start()\n"
        "    while used() < before + 20: time.sleep(0.01)\n"  # it has been in its loop for 0.2 s
        "print(child.pid, flush=True)\ninput()\n"
    )
    for state in ("busy", "idle"):
        parent = subprocess.Popen(
            [sys.executable, "-c", code, state], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        pid = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
        until = time.monotonic() + 30
        while _runs(pid) and time.monotonic() < until:
            time.sleep(0.05)
        assert not _runs(pid), state


def _runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
