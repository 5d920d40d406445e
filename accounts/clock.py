"""The one clock of the platform: UTC, and settable by tests and replays.

Everything that needs the time asks `now()`; nothing else in the project calls `datetime.now` or `time.time` for a
moment in history (monotonic timers for waits are fine).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime


def _system_now() -> datetime:
    return datetime.now(UTC)


_source: ContextVar[Callable[[], datetime]] = ContextVar("clock_source", default=_system_now)


def now() -> datetime:
    """The current moment, timezone-aware UTC."""
    return _source.get()()


def now_ms() -> int:
    """The current moment in whole milliseconds since the Unix epoch."""
    return int(now().timestamp() * 1000)


@contextmanager
def clock_set(source: Callable[[], datetime]) -> Iterator[None]:
    """Within this context (and the tasks started in it) `now()` answers `source()`."""
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)
