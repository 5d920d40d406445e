"""Whether the process that holds a lease still lives. Owners are written `host:pid:...`."""

import os
import socket
from pathlib import Path


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
