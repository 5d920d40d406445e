"""Turns in lanes, and bars, of one process. `shared_turns` is the same for all processes, in Redis."""

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane with a pace: a request takes `cost_s` seconds of it, and may begin `ahead_s` before the lane is free.

    With `slack_s` a request that would have to wait longer than that takes no turn: it comes again.
    """

    name: str
    cost_s: float
    ahead_s: float
    slack_s: float | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """How many lanes were passed, and how long to wait: for the turn, or because of a bar (then no turn was taken)."""

    passed: int
    wait_s: float
    barred_s: float = 0.0


class Turns:
    """Paid-until times by lane and barred-until times by name, monotonic."""

    def __init__(self) -> None:
        self._paid: dict[str, float] = {}
        self._barred: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, lanes: Sequence[Lane], bars: Iterable[str]) -> Taken:
        """Turns in as many lanes as need no wait, and in the first that does (unless its slack is exceeded)."""
        with self._lock:
            now = time.monotonic()
            if (barred := self._left(bars, now)) > 0:
                return Taken(0, 0.0, barred)
            for number, lane in enumerate(lanes):
                start = max(self._paid.get(lane.name, 0.0), now - lane.ahead_s)
                wait = max(start - now, 0.0)
                if lane.slack_s is not None and wait > lane.slack_s:
                    return Taken(number, wait - lane.slack_s)
                self._paid[lane.name] = start + lane.cost_s
                if wait > 0:
                    return Taken(number + 1, wait)
            return Taken(len(lanes), 0.0)

    def bar(self, name: str, seconds: float) -> None:
        """Bar it for so long; a bar is only ever made longer."""
        with self._lock:
            self._barred[name] = max(self._barred.get(name, 0.0), time.monotonic() + seconds)

    def unbar(self, name: str) -> None:
        """Lift it."""
        with self._lock:
            self._barred.pop(name, None)

    def barred_s(self, names: Iterable[str]) -> float:
        """Seconds left of the longest of these bars."""
        with self._lock:
            return self._left(names, time.monotonic())

    def _left(self, names: Iterable[str], now: float) -> float:
        return max([0.0, *(self._barred.get(name, 0.0) - now for name in names)])

    def forget(self) -> None:
        """Forget all."""
        with self._lock:
            self._paid.clear()
            self._barred.clear()
