"""The lease on an exchange's streams: at most one process holds its market sockets; a lost holder is replaced."""

import os
import uuid
from datetime import timedelta

from django.db.models import Q

from accounts.clock import now
from accounts.processes import host_name, owner_gone
from signals.models import ExchangeState

LEASE_S = 15.0


def owner_name() -> str:
    """A name for this holder that no other process or thread has."""
    return f"{host_name()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


def lease_take(*, exchange: str, owner: str, seconds: float = LEASE_S) -> bool:
    """Take or renew the lease; False when somebody else holds it. A holder that was killed here is not waited for."""
    state, _ = ExchangeState.objects.get_or_create(exchange=exchange)
    moment = now()
    vacant = ["", owner, *([state.streams_owner] if owner_gone(state.streams_owner) else [])]
    free = Q(streams_owner__in=vacant) | Q(streams_lease_until__isnull=True) | Q(streams_lease_until__lt=moment)
    taken = ExchangeState.objects.filter(free, exchange=exchange).update(
        streams_owner=owner, streams_lease_until=moment + timedelta(seconds=seconds)
    )
    return taken == 1


def lease_release(*, exchange: str, owner: str) -> None:
    """Give the lease back at once, if it is still held."""
    ExchangeState.objects.filter(exchange=exchange, streams_owner=owner).update(
        streams_owner="", streams_lease_until=None
    )
