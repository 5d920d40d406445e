"""Who wants to know of new signals. Rooms above register here (in AppConfig.ready); this room knows none of them."""

import logging
from collections.abc import Callable

from signals.models import Scan

log = logging.getLogger(__name__)
Callback = Callable[[Scan, list[int]], None]
_callbacks: list[Callback] = []


def on_signals(callback: Callback) -> None:
    """Call `callback(scan, signal_ids)` after the signals of a scan's own candle were committed."""
    if callback not in _callbacks:
        _callbacks.append(callback)


def signals_announce(scan: Scan, signal_ids: list[int]) -> None:
    """Tell everyone; a listener that raises is logged, the others go on."""
    for callback in list(_callbacks):
        try:
            callback(scan, signal_ids)
        except Exception:
            log.exception("A listener of signals failed; the others go on.")


def listeners_forget() -> None:
    """Forget everyone (tests)."""
    _callbacks.clear()
