"""Symbols that somebody holds or has orders in: their quotes stay streamed when the selection drops them.

Rooms above register who knows; this room asks.
"""

import logging
from collections.abc import Callable, Iterable

Holder = Callable[[str], Iterable[str]]
_holders: list[Holder] = []
log = logging.getLogger(__name__)


def on_held(holder: Holder) -> None:
    """Ask `holder(exchange)` for the symbols that must keep their quotes. It may query the database."""
    if holder not in _holders:
        _holders.append(holder)


def symbols_held(exchange: str) -> set[str]:
    """The union of what every holder says; one that raises is logged, the others count."""
    symbols: set[str] = set()
    for holder in _holders:
        try:
            symbols |= set(holder(exchange))
        except Exception:
            log.exception("The held symbols of %s could not all be read.", exchange)
    return symbols


def holders_forget() -> None:
    """Forget every holder (tests)."""
    _holders.clear()
