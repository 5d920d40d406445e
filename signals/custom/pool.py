"""The warm processes of the strategies in force: one each, kept between scans, started again with back-off."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from signals.custom.client import Child, StrategyFailure
from signals.custom.rules import CustomRules, rules_of_child

BACK_OFF_S = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
CPU_S = 300.0  # a process that has used so much is replaced by a fresh one (the kernel ends it at 900 s)


def default_folder() -> Path:
    """Where strategy files are looked for."""
    return Path(settings.XRAY_STRATEGY_DIR or Path(settings.VAR_DIR) / "strategies")


@dataclass(slots=True)
class Source:
    """A file's name and content; `digest` is the content's SHA-256."""

    file: str
    source: str
    digest: str


class Warm:
    """One strategy's process as long as it is wanted."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._child: Child | None = None
        self._falls, self._again_at = 0, 0.0
        self._lock = threading.Lock()
        self._rules: CustomRules | None = None

    def child(self) -> Child:
        """The running process, started when there is none. Raises StrategyFailure, also while it has to wait."""
        with self._lock:
            if self._child is not None and self._child.alive and self._child.cpu_s < CPU_S:
                return self._child
            self._fallen()
            if (wait := self._again_at - time.monotonic()) > 0:
                raise StrategyFailure("crash", f"It ended {self._falls} times; it is started again in {wait:.0f} s.")
            self._child = self._started()
            return self._child

    def rules(self) -> CustomRules:
        """The contract, answered by the process. Raises StrategyFailure."""
        if self._rules is None:
            self._rules = rules_of_child(self.child, self.child().described, settings.XRAY_STRATEGY_TIMEOUT_S)
        return self._rules

    def worked(self) -> None:
        """It gave a good answer: the next fall is the first one again."""
        self._falls = 0

    def stop(self) -> None:
        """End the process."""
        with self._lock:
            if self._child is not None:
                self._child.stop()
                self._child = None

    def _started(self) -> Child:
        one = self.source
        try:
            return child_start(one.file, one.source)
        except StrategyFailure:
            self._wait_longer()
            raise

    def _fallen(self) -> None:
        """Clear away a process that ended (or is worn out, which is no fall)."""
        if self._child is None:
            return
        fell = not self._child.alive
        self._child.stop()
        self._child = None
        if fell:
            self._wait_longer()

    def _wait_longer(self) -> None:
        self._again_at = time.monotonic() + BACK_OFF_S[min(self._falls, len(BACK_OFF_S) - 1)]
        self._falls += 1


def child_start(file: str, source: str) -> Child:
    """A process with the strategy loaded, under the limits of this installation. Raises StrategyFailure."""
    return Child(
        file=file, source=source, memory_mb=settings.XRAY_STRATEGY_MEMORY_MB, unsafe=settings.XRAY_STRATEGY_UNSAFE
    )


_warm: dict[str, Warm] = {}
_guard = threading.Lock()


def warm_get(source: Source) -> Warm:
    """The one holder of this content in this process."""
    with _guard:
        if source.digest not in _warm:
            _warm[source.digest] = Warm(source)
        return _warm[source.digest]


def warm_keep(digests: set[str]) -> None:
    """End the processes of all other contents."""
    with _guard:
        gone = [_warm.pop(digest) for digest in set(_warm) - digests]
    for one in gone:
        one.stop()
