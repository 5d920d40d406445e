"""Telling staff what the scans are computed on and why, and that the GPU failed."""

from datetime import timedelta

from django.core.cache import cache

from accounts.clock import now
from accounts.models import Notice
from accounts.services.notices import notice_send

TITLE = "The GPU failed in a scan"
EVERY = timedelta(hours=1)
CHOSEN = "scan-backend-chosen"


def backend_fallback_report(reason: str, rest: timedelta) -> Notice | None:
    """One notice an hour to staff, whichever process the GPU failed in; None when there was one already."""
    if Notice.objects.filter(user=None, title=TITLE, created_at__gt=now() - EVERY).exists():
        return None
    minutes = rest.total_seconds() / 60
    text = f"{reason}. The scan was computed on the CPU; the GPU is tried again in {minutes:.0f} minutes."
    return notice_send(user=None, level=Notice.Level.WARN, title=TITLE, text=text)


def backend_choice_store(backend: str, why: str) -> None:
    """Keep what a process chose where the admin, often another process, finds it."""
    cache.set(CHOSEN, (backend, why), timeout=None)


def backend_choice_told() -> str:
    """What scans are computed on and why; nothing before a process has chosen."""
    backend, why = cache.get(CHOSEN) or ("", "")
    return f"{backend.upper()}: {why}" if backend else ""
