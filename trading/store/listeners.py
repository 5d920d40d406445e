"""Who wants to know what was stored.

Told at once, in the thread that stored it; in a process that only works (`telling_begin`), by a thread of its own for
all accounts together, so that no order waits for what follows another one.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import connections

from trading.domain.types import Effect, PositionChanged, PositionStatus
from trading.models import Position

logger = logging.getLogger(__name__)
END_S = 5.0
GATHER_S = 0.05  # between two batches: pages are as quick as an eye, and a busy worker tells many at once


@dataclass(frozen=True, slots=True)
class Saved:
    """What one commit stored for one account."""

    account_id: int
    user_id: int
    effects: tuple[Effect, ...]


_saved: list[Callable[[Sequence[Saved]], None]] = []
_closed: list[Callable[[Position], None]] = []


def on_saved(callback: Callable[[Sequence[Saved]], None]) -> None:
    """Call it after commits, with one or several of them, oldest first."""
    if callback not in _saved:
        _saved.append(callback)


def on_closed(callback: Callable[[Position], None]) -> None:
    """Call it with each closed position (once per closing; a late fill may open and close it again)."""
    if callback not in _closed:
        _closed.append(callback)


def tell(saved: Saved) -> None:
    """Call the listeners, now or soon; the state is stored already, so none of them can break it."""
    if _teller is None:
        _tell([saved])
    else:
        _teller.put(saved)


def telling_begin() -> None:
    """From now on listeners are called by a thread of their own (worker processes, at their start)."""
    global _teller
    if _teller is None:
        _teller = _Teller()


def telling_end() -> None:
    """Tell what is left, for a few seconds at most, and go back to telling at once."""
    global _teller
    teller, _teller = _teller, None
    if teller is not None:
        teller.end()


def _tell(batch: Sequence[Saved]) -> None:
    for callback in _saved:
        _guarded(callback, batch)
    closed = {
        effect.position.position_id
        for saved in batch
        for effect in saved.effects
        if isinstance(effect, PositionChanged) and effect.position.status is PositionStatus.CLOSED
    }
    if closed and _closed:
        related = ("bot", "bot__user", "account", "instrument", "config", "signal")
        for position in Position.objects.filter(public_id__in=closed).select_related(*related).order_by("id"):
            for listener in _closed:
                _guarded(listener, position)


def _guarded(callback: Callable[..., None], value: object) -> None:
    try:
        callback(value)
    except Exception:
        logger.exception("a listener of stored trades failed; the others go on")


class _Teller:
    """A thread that tells all that has come since it looked last."""

    def __init__(self) -> None:
        self._waiting: deque[Saved] = deque()
        self._bell, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="teller", daemon=True)
        self._thread.start()

    def put(self, saved: Saved) -> None:
        self._waiting.append(saved)
        self._bell.set()

    def end(self) -> None:
        self._ended.set()
        self._bell.set()
        self._thread.join(END_S)

    def _run(self) -> None:
        while self._waiting or not self._ended.is_set():
            self._bell.wait()
            self._bell.clear()
            batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
            try:
                if batch:
                    _tell(batch)
            except Exception:
                logger.exception("%d commits were not told; the database has them", len(batch))
            finally:
                connections.close_all()  # back to their pool
            self._ended.wait(GATHER_S)


_teller: _Teller | None = None
