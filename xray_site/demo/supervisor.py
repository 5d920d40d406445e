"""Starts child processes in one group, watches them, and takes them all down: on Ctrl-C, SIGTERM, or its own death."""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

STEADY_S = 60.0  # a child that lived this long has all its restarts again
HASTY_S = 5.0  # one that lived shorter is not started again at once
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1


class Stopped(Exception):
    """A stop was asked for while something was awaited."""


class ChildFailed(Exception):
    """A child that must live has ended; the text says which and how."""


@dataclass
class Child:
    """One process of the group. Those of the highest stage are stopped first, all of a stage at once."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    restarts_left: int = 0
    stop_within_s: float = 4.0
    stage: int = 1
    folder: Path | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    started_at: float = field(default=0.0, repr=False)
    restarts_allowed: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.restarts_allowed = self.restarts_left

    @property
    def running(self) -> bool:
        """Started and not yet ended."""
        return self.process is not None and self.process.poll() is None


def die_with_parent(signum: int = signal.SIGKILL) -> None:
    """On Linux: ask the kernel to send this process a signal when its parent dies, however it dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0)


def _child_setup() -> None:
    """In the child before its program: die with the supervisor, and leave the terminal's Ctrl-C to it."""
    die_with_parent()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


class Supervisor:
    """The parent of the group. Use as a context manager: leaving it stops whatever still runs."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.children: list[Child] = []
        self._reader, self._writer = os.pipe()
        self._stops = 0
        self._previous: dict[int, object] = {}

    def __enter__(self) -> "Supervisor":
        os.set_blocking(self._writer, False)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for signum in _STOP_SIGNALS:
            self._previous[signum] = signal.signal(signum, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_all()
        signal.set_wakeup_fd(-1)
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)  # type: ignore[arg-type]
        os.close(self._reader)
        os.close(self._writer)

    def _on_signal(self, *_: object) -> None:
        self._stops += 1

    def start(self, child: Child) -> Child:
        """Start a child; it is stopped with the group."""
        # The supervisor has one thread, so preexec_fn is safe.
        child.process = subprocess.Popen(
            list(child.command),
            env=dict(child.environment),
            cwd=child.folder,
            preexec_fn=_child_setup,
            stdin=subprocess.DEVNULL,
        )
        child.started_at = time.monotonic()
        if child not in self.children:
            self.children.append(child)
        return child

    def pause(self, seconds: float) -> None:
        """Wait; raises Stopped as soon as a stop was asked for."""
        if not self._stops:
            select.select([self._reader], [], [], seconds)
        if self._stops:
            raise Stopped

    def wait_done(self, child: Child) -> int:
        """Wait for a child that ends by itself; its exit code. Raises Stopped."""
        while child.running:
            self._watch(skip=child)
            self.pause(0.05)
        assert child.process is not None
        self.children.remove(child)
        return int(child.process.returncode)

    def wait_until(self, ready: Callable[[], bool], *, timeout_s: float, what: str) -> None:
        """Wait for a condition. Raises Stopped, or ChildFailed on a time-out or when a child ends."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            self._watch()
            if time.monotonic() > deadline:
                raise ChildFailed(f"{what} was not ready after {timeout_s:.0f} s.")
            self.pause(0.1)

    def watch_forever(self) -> None:
        """Keep the group alive until a stop is asked for (returns) or a child fails (raises ChildFailed)."""
        try:
            while True:
                self._watch()
                self.pause(0.5)
        except Stopped:
            return

    def _watch(self, skip: Child | None = None) -> None:
        for child in self.children:
            if child is not skip and not child.running and child.process is not None:
                self._start_again(child)

    def _start_again(self, child: Child) -> None:
        """Start a child that has ended, as often as it may; raises ChildFailed when that is used up."""
        assert child.process is not None
        lived_s = time.monotonic() - child.started_at
        if lived_s > STEADY_S:
            child.restarts_left = child.restarts_allowed
        ended = f"{child.name} has ended (exit {child.process.returncode})"
        if child.restarts_left <= 0:
            raise ChildFailed(f"{ended}.")
        child.restarts_left -= 1
        self.say(f"{ended}; starting it again")
        if lived_s < HASTY_S:
            self.pause(1.0)
        self.start(child)

    def stop_all(self) -> None:
        """Stop the children stage by stage; kill one that takes too long, or all after a second Ctrl-C."""
        for _stage, group in groupby(sorted(self.children, key=lambda child: -child.stage), lambda child: child.stage):
            running = [child for child in group if child.running]
            for child in running:
                child.process.send_signal(signal.SIGTERM)  # type: ignore[union-attr]
            for child in running:
                self._reap(child)
        self.children.clear()

    def _reap(self, child: Child) -> None:
        assert child.process is not None
        deadline = time.monotonic() + child.stop_within_s
        while child.running and time.monotonic() < deadline and self._stops < 2:
            time.sleep(0.02)
        if child.running:
            self.say(f"{child.name} did not stop in time; killed")
            child.process.kill()
        child.process.wait()
