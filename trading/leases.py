"""The lease that makes an account's execution serial, with a fencing token that grows with every holder."""

import os
import threading
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q

from accounts.clock import now
from accounts.processes import host_name, owner_gone
from trading.models import AccountLease
from trading.turn.ports import Lease, LeaseBusy, LeaseLost

__all__ = ["LEASE_TIME", "Lease", "LeaseBusy", "LeaseLost", "lease_release", "lease_save", "lease_take", "owner_name"]

LEASE_TIME = timedelta(seconds=45)  # longer than any one request to an exchange; renewed at each save


def owner_name() -> str:
    """A name that no other holder has: host, process, thread and a random part."""
    return f"{host_name()}:{os.getpid()}:{threading.get_ident() % 10**6}:{uuid.uuid4().hex[:12]}"


def lease_take(*, account_id: int, at: datetime | None = None) -> Lease | None:
    """Take the account's lease, or None when another holder's has not run out.

    A holder that was a process of this host and is dead (killed) need not be waited for.
    """
    owner, moment = owner_name(), at or now()
    if not _claim(account_id, owner, moment):
        AccountLease.objects.get_or_create(account_id=account_id)
        if not _claim(account_id, owner, moment) and not _claim_of_dead(account_id, owner, moment):
            return None
    row = AccountLease.objects.get(account_id=account_id)
    carried = row.sequence, row.peak_equity, moment, row.seen, row.risk, row.floors
    return Lease(account_id, owner, row.token, *carried)


def _claim(account_id: int, owner: str, at: datetime) -> bool:
    vacant = Q(owner="") | Q(expires_at=None) | Q(expires_at__lt=at)
    rows = AccountLease.objects.filter(vacant, account_id=account_id)
    return rows.update(owner=owner, token=F("token") + 1, expires_at=at + LEASE_TIME) == 1


def _claim_of_dead(account_id: int, owner: str, at: datetime) -> bool:
    held = AccountLease.objects.get(account_id=account_id)
    if not owner_gone(held.owner):
        return False
    rows = AccountLease.objects.filter(account_id=account_id, owner=held.owner, token=held.token)
    return rows.update(owner=owner, token=F("token") + 1, expires_at=at + LEASE_TIME) == 1


def lease_save(lease: Lease, **values: Any) -> None:
    """Renew the lease and store what the engine carries, or raise LeaseLost. Call it first in each transaction."""
    rows, moment = AccountLease.objects.filter(account_id=lease.account_id, owner=lease.owner, token=lease.token), now()
    if rows.update(expires_at=moment + LEASE_TIME, **values) != 1:
        raise LeaseLost(f"Another process took over account {lease.account_id}.")
    lease.proved_at = moment


def lease_release(lease: Lease) -> None:
    """Give the lease back; harmless when it was lost."""
    rows = AccountLease.objects.filter(account_id=lease.account_id, owner=lease.owner, token=lease.token)
    rows.update(owner="", expires_at=None)
