"""Which processes of this host live: holders of leases (written `host:pid:...`) and of state folders.

Standard library only: the demo's supervisor uses it too.
"""

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

TRIES, AGAIN_S = 5, 0.02  # somebody who only looks holds the lock for a moment


def owner_gone(owner: str) -> bool:
    """Whether an owner was a process of this host that has died (a reused pid only means: not known)."""
    host, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    return host == host_name() and pid.isdigit() and not process_lives(int(pid))


def host_name() -> str:
    """This host, as owners name it."""
    return socket.gethostname()[:24]


def process_lives(pid: int) -> bool:
    """Whether a process of this machine runs; one that was killed and waits for its parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return True


@contextlib.contextmanager
def folder_hold(folder: Path, name: str = "") -> Iterator[bool]:
    """Hold a state folder while inside; yields whether it was free. The kernel lets go of it however we die."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "demo.lock").open("a+") as lock:
        if not _locked(lock.fileno()):
            yield False
            return
        lock.truncate(0)
        lock.write(f"{os.getpid()} {name}".strip())
        lock.flush()
        yield True


def folder_holder(folder: Path) -> str:
    """Who holds a state folder: its process number (and name, when it gave one), or "" when nobody does."""
    try:
        with (folder / "demo.lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return lock.read().strip() or "unknown"
    except OSError:
        pass
    return ""


def _locked(handle: int) -> bool:
    for _ in range(TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            time.sleep(AGAIN_S)
    return False
