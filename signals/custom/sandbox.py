"""The child's side: limits, another user, and a kernel filter after which a process can only compute and answer.

`lock` is called when everything a strategy may use is imported. From then on the kernel refuses every call that opens,
connects, starts, signals or traces anything: reading and writing the pipes that are open, memory and the clock is what
is left. A refused call raises PermissionError in the strategy, so its line can be named. Where the kernel has no
seccomp, `lock` says so and the platform refuses to run custom strategies (`XRAY_STRATEGY_UNSAFE`).
"""

import contextlib
import ctypes
import os
import platform
import resource
import struct
import sys
from typing import Any

NOBODY = 65534
CPU_S = 900  # a process that has used so much is replaced long before by the platform
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050001  # REFUSE: the call fails with EPERM
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
PROT_EXEC = 4
# name: (x86-64, aarch64)
CALLS: dict[str, tuple[int, int]] = {
    "read": (0, 63), "close": (3, 57), "munmap": (11, 215), "brk": (12, 214), "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sched_yield": (24, 124), "mremap": (25, 216),
    "madvise": (28, 233), "nanosleep": (35, 101), "setitimer": (38, 103), "getpid": (39, 172), "exit": (60, 93),
    "gettimeofday": (96, 169), "getrusage": (98, 165), "sigaltstack": (131, 132), "gettid": (186, 178),
    "futex": (202, 98), "restart_syscall": (219, 128), "clock_gettime": (228, 113), "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115), "exit_group": (231, 94), "getrandom": (318, 278), "rseq": (334, 293),
}  # fmt: skip
WRITE, MMAP, MPROTECT = (1, 64), (9, 222), (10, 226)
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}  # AUDIT_ARCH, column of the table above
REFUSED_EVENTS = (
    "open", "import", "socket.", "subprocess.", "os.", "ctypes.", "shutil.", "pty.", "mmap.", "fcntl.", "glob.",
    "tempfile.", "sqlite3.", "resource.", "signal.", "sys.addaudithook", "urllib.", "http.", "webbrowser.", "pickle.",
)  # fmt: skip


def limits_set(memory_mb: int) -> None:
    """No files, no more processes, bounded memory (what is used now plus `memory_mb`) and CPU time; another user."""
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):  # a container may not map the user; the kernel filter holds all the same
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
    wanted = {
        "RLIMIT_AS": _memory_used() + memory_mb * 1024 * 1024,
        "RLIMIT_CPU": CPU_S,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_NOFILE": 3,
        "RLIMIT_NPROC": 0,
        "RLIMIT_CORE": 0,
    }
    for name, value in wanted.items():
        with contextlib.suppress(ValueError, OSError, AttributeError):
            resource.setrlimit(getattr(resource, name), (value, value))


def lock(allowed: str) -> bool:
    """Shut the process in; whether the kernel does it. `allowed` completes the message of a refused import."""
    locked = sys.platform == "linux" and platform.machine() in MACHINES and _filter_install()
    sys.addaudithook(_refusal(allowed))
    return locked


def _memory_used() -> int:
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123 - pathlib is not needed in the child
            return int(file.read().split()[0]) * resource.getpagesize()
    except (OSError, ValueError):
        return 1 << 30


def _filter_install() -> bool:
    """Hand the filter to the kernel; False where it does not take it."""
    program = _program(*MACHINES[platform.machine()])
    code = ctypes.create_string_buffer(b"".join(program))
    pointer = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int, *(ctypes.c_ulong for _ in range(4))]
    if libc.prctl(38, 1, 0, 0, 0) != 0:  # PR_SET_NO_NEW_PRIVS
        return False
    buffer = ctypes.create_string_buffer(pointer)
    return bool(libc.prctl(22, 2, ctypes.addressof(buffer), 0, 0) == 0)  # PR_SET_SECCOMP, a filter


def _program(machine: int, column: int) -> list[bytes]:
    """The filter: calls of another architecture kill; a list is allowed; everything else fails with EPERM."""
    program = [_step(LOAD, 4), _step(EQUAL, machine, 1, 0), _step(RETURN, KILL), _step(LOAD, 0)]
    program += [_step(AT_LEAST, 0x40000000, 0, 1), _step(RETURN, KILL)]  # the x32 way around the numbers
    for numbers in CALLS.values():
        program += [_step(EQUAL, numbers[column], 0, 1), _step(RETURN, ALLOW)]
    # write: only to the answers (1) and the tracebacks (2)
    program += [_step(EQUAL, WRITE[column], 0, 4), _step(LOAD, 16), _step(EQUAL, 1, 1, 0)]
    program += [_step(EQUAL, 2, 0, 1), _step(RETURN, ALLOW)]
    program += [_step(LOAD, 0)]
    # memory may be had, but not be made executable
    for numbers in (MMAP, MPROTECT):
        program += [_step(EQUAL, numbers[column], 0, 4), _step(LOAD, 32), _step(ANY_BIT, PROT_EXEC, 1, 0)]
        program += [_step(RETURN, ALLOW), _step(LOAD, 0)]
    return [*program, _step(RETURN, REFUSE)]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _refusal(allowed: str) -> Any:
    """An audit hook: Python's own word, with a plain message, before the kernel's."""

    def refuse(event: str, args: tuple[Any, ...]) -> None:
        if not event.startswith(REFUSED_EVENTS):
            return
        if event == "import":
            raise ImportError(f"A strategy cannot import {str(args[0]).partition('.')[0]!r}. {allowed}")
        what = f" ({args[0]!r})" if event == "open" else ""
        raise PermissionError(f"A strategy may compute and nothing else; {event}{what} is refused.")

    return refuse
