"""The strategy versions that are scanned, kept ready: a scan must not wait for the database before it decides.

They are read anew when a service of this process changed one, and otherwise every RELOAD_S by beat (a change made by
another process is in force within that time, well inside the 30 s that are promised).
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from signals.domain.strategies import REGISTRY, ParameterError, strategy_of
from signals.domain.strategies import Strategy as Rules
from signals.models import Strategy

RELOAD_S = 15.0
STALE_S = 60.0  # beat is late or absent: read anew before deciding
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Version:
    """An enabled version of a strategy, ready to decide."""

    pk: int
    rules: Rules
    values: dict[str, Any]


@dataclass(slots=True)
class _Kept:
    versions: list[Version]
    at: float


_kept: _Kept | None = None
_lock = threading.Lock()


def versions_enabled() -> list[Version]:
    """The versions that are scanned, in the order they were made."""
    kept = _kept
    if kept is None or time.monotonic() - kept.at > STALE_S:
        return versions_reload()
    return kept.versions


def versions_reload() -> list[Version]:
    """Read them from the database. A version that is broken is reported and left out, the others go on."""
    global _kept
    with _lock:
        found = []
        for row in Strategy.objects.filter(enabled=True, kind__in=REGISTRY).order_by("pk"):
            try:
                found.append(version_of(row, row.parameters))
            except ParameterError as error:
                log.error("%s is not scanned: %s", row, error)
        _kept = _Kept(found, time.monotonic())
        return found


def version_of(row: Strategy, parameters: Mapping[str, Any]) -> Version:
    """A version of a registered kind with these parameters. Raises ParameterError."""
    rules = strategy_of(row.kind)
    return Version(row.pk, rules, rules.validate(parameters))


def versions_forget() -> None:
    """Have the next scan read them anew."""
    global _kept
    _kept = None


def versions_changed() -> None:
    """Call after a change of strategies: the next scan reads them anew, even if one reads before this is committed."""
    versions_forget()
    transaction.on_commit(versions_forget)
