"""Who wants to know what was stored."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from trading.domain.types import Effect, PositionChanged, PositionStatus
from trading.models import Position

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Saved:
    """What one commit stored for one account."""

    account_id: int
    user_id: int
    effects: tuple[Effect, ...]


_saved: list[Callable[[Saved], None]] = []
_closed: list[Callable[[Position], None]] = []


def on_saved(callback: Callable[[Saved], None]) -> None:
    """Call it after each commit, in the thread that executes the account. Must be quick."""
    if callback not in _saved:
        _saved.append(callback)


def on_closed(callback: Callable[[Position], None]) -> None:
    """Call it with each closed position (once per closing; a late fill may open and close it again)."""
    if callback not in _closed:
        _closed.append(callback)


def tell(saved: Saved) -> None:
    """Call the listeners; the state is stored already, so none of them can break it."""
    for callback in _saved:
        _guarded(callback, saved)
    closed = {
        effect.position.position_id
        for effect in saved.effects
        if isinstance(effect, PositionChanged) and effect.position.status is PositionStatus.CLOSED
    }
    if closed and _closed:
        related = ("bot", "bot__user", "account", "instrument", "config", "signal")
        for position in Position.objects.filter(public_id__in=closed).select_related(*related):
            for listener in _closed:
                _guarded(listener, position)


def _guarded(callback: Callable[..., None], value: object) -> None:
    try:
        callback(value)
    except Exception:
        logger.exception("a listener of stored trades failed; the others go on")
