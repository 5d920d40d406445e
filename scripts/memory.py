"""Proportional memory (PSS) of a process group, summed from /proc, in MB.

    python scripts/memory.py [PID] [--watch SECONDS]

PID is any process of the group, such as the supervisor; without it, every process of the running demo is found through
`var/*/demo.lock`. With --watch the peak over that many seconds is printed too.
"""

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found, queue = [], [pid]
    while queue:
        found.append(queue.pop())
        queue += parents.get(found[-1], [])
    return found


def pss_kb(pid: int) -> int:
    """The proportional set size of one process, in kB; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def name(pid: int) -> str:
    """The command line, short."""
    try:
        text = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return "?"
    return text.strip().split("/")[-1][:70]


def running_demo() -> int:
    """The pid of a running demo's supervisor, or 0."""
    for lock in (ROOT / "var").glob("*/demo.lock"):
        text = lock.read_text().strip()
        if text.isdigit() and Path(f"/proc/{text}").exists():
            return int(text)
    return 0


def main() -> int:
    """Print the sum, one line a process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pid", nargs="?", type=int)
    parser.add_argument("--watch", type=float, default=0.0, metavar="SECONDS")
    options = parser.parse_args()
    pid = options.pid or running_demo()
    if not pid or not Path(f"/proc/{pid}").exists():
        sys.stderr.write("No running demo found; give the pid of its supervisor.\n")
        return 1
    peak, end = 0, time.monotonic() + options.watch
    while True:
        sizes = {process: pss_kb(process) for process in tree(pid)}
        peak = max(peak, sum(sizes.values()))
        if time.monotonic() >= end:
            break
        time.sleep(0.5)
    for process, size in sizes.items():
        print(f"{size / 1024:8.1f} MB  {process:>7}  {name(process)}")
    print(f"{sum(sizes.values()) / 1024:8.1f} MB  in all" + (f", peak {peak / 1024:.1f} MB" if options.watch else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
