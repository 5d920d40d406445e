"""Writing notices: short messages to one user, or to staff. `on_notice` is how other rooms show them at once."""

import logging
from collections.abc import Callable

from django.db import transaction

from accounts.clock import now
from accounts.models import Notice, User

log = logging.getLogger(__name__)
_listeners: list[Callable[[Notice], None]] = []


def on_notice(callback: Callable[[Notice], None]) -> None:
    """Call `callback(notice)` after the commit of each new notice (trading's live page registers itself here)."""
    if callback not in _listeners:
        _listeners.append(callback)


def notice_send(*, user: User | None, level: str, title: str, text: str = "", link: str = "") -> Notice:
    """Store a notice for one user (None: staff) and hand it to the listeners after the commit.

    `level` is one of ok, info, warn, bad; longer texts are cut to what the table holds.

    Raises:
        ValueError: an unknown level.

    """
    if level not in Notice.Level.values:
        raise ValueError(f"Unknown level {level!r}. Allowed: {', '.join(Notice.Level.values)}.")
    notice = Notice.objects.create(user=user, level=level, title=title[:160], text=text[:600], link=link[:200])
    transaction.on_commit(lambda: _tell(notice))
    return notice


def notices_mark_read(*, user: User, notice: Notice | None = None) -> int:
    """Mark one notice of the user as read, or all of them; returns how many were unread."""
    rows = Notice.objects.filter(user=user, read_at=None)
    if notice is not None:
        rows = rows.filter(pk=notice.pk)
    return rows.update(read_at=now())


def _tell(notice: Notice) -> None:
    for callback in _listeners:
        try:
            callback(notice)
        except Exception:
            log.exception("A listener of notices failed; the notice itself is stored.")
