"""The lease that makes an account's execution serial, with a fencing token that grows with every holder."""

import logging
import os
import threading
import time
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, connection

from accounts.clock import now
from accounts.processes import host_name, owner_gone
from trading.models import AccountLease
from trading.statements import row_update
from trading.turn.ports import Lease, LeaseBusy, LeaseLost

__all__ = [
    "LEASE_TIME",
    "Lease",
    "LeaseBusy",
    "LeaseLost",
    "lease_of",
    "lease_release",
    "lease_row_take",
    "lease_save",
    "lease_take",
    "owner_name",
]

logger = logging.getLogger(__name__)
_TIME: Any = AccountLease._meta.get_field("expires_at")
LEASE_TIME = timedelta(seconds=45)  # longer than any one request to an exchange; renewed at each save
RELEASE_AGAIN_S = 0.5


def owner_name() -> str:
    """A name that no other holder has: host, process, thread and a random part."""
    return f"{host_name()}:{os.getpid()}:{threading.get_ident() % 10**6}:{uuid.uuid4().hex[:12]}"


def lease_take(*, account_id: int, at: datetime | None = None) -> Lease | None:
    """Take the account's lease, or None when another holder's has not run out.

    A holder that was a process of this host and is dead (killed) need not be waited for.
    """
    row = lease_row_take(account_id=account_id, at=at)
    return None if row is None else lease_of(row, at or now())


def lease_row_take(*, account_id: int, at: datetime | None = None) -> AccountLease | None:
    """The same, as the row that it is stored in."""
    owner, moment = owner_name(), at or now()
    if (row := _claim(account_id, owner, moment, _VACANT, moment)) is not None:
        return row
    held, _ = AccountLease.objects.get_or_create(account_id=account_id)
    if (row := _claim(account_id, owner, moment, _VACANT, moment)) is not None:
        return row
    if not owner_gone(held.owner):
        return None
    return _claim(account_id, owner, moment, "owner = %s AND token = %s", held.owner, held.token)


def lease_of(row: AccountLease, at: datetime) -> Lease:
    """A row that was taken at `at`, as the engine carries it."""
    carried = row.sequence, row.peak_equity, at, row.seen, row.risk, row.floors
    return Lease(row.account_id, row.owner, row.token, *carried)


_VACANT = "(owner = '' OR expires_at IS NULL OR expires_at < %s)"
_CLAIM = (
    "UPDATE trading_accountlease SET owner = %s, token = token + 1, expires_at = %s "
    "WHERE account_id = %s AND {where} RETURNING *"
)


def _claim(account_id: int, owner: str, at: datetime, where: str, *values: Any) -> AccountLease | None:
    """One conditional statement that also reads the row."""
    given = (owner, at + LEASE_TIME, account_id, *values)
    prepared = [_TIME.get_db_prep_value(v, connection) if isinstance(v, datetime) else v for v in given]
    return next(iter(AccountLease.objects.raw(_CLAIM.format(where=where), prepared)), None)


def lease_save(lease: Lease, **values: Any) -> None:
    """Renew the lease and store what the engine carries, or raise LeaseLost. Call it first in each transaction."""
    moment = now()
    if row_update(AccountLease, {"expires_at": moment + LEASE_TIME, **values}, _held(lease)) != 1:
        raise LeaseLost(f"Another process took over account {lease.account_id}.")
    lease.proved_at = moment


def lease_release(lease: Lease) -> None:
    """Give the lease back; harmless when it was lost.

    While the database is away a thread of its own goes on trying: nobody may have to wait until the lease runs out
    because the server was restarted for a second.
    """
    try:
        _give_back(lease)
    except (OperationalError, InterfaceError) as error:
        logger.warning("the lease of account %s is given back later: %s", lease.account_id, str(error).strip())
        threading.Thread(target=_give_back_later, args=(lease,), name="lease", daemon=True).start()


def _give_back(lease: Lease) -> None:
    row_update(AccountLease, {"owner": "", "expires_at": None}, _held(lease))


def _give_back_later(lease: Lease) -> None:
    given_up = time.monotonic() + LEASE_TIME.total_seconds()  # by then it has run out
    while time.monotonic() < given_up:
        try:
            return _give_back(lease)
        except (OperationalError, InterfaceError):
            time.sleep(RELEASE_AGAIN_S)
        finally:
            connection.close()


def _held(lease: Lease) -> dict[str, Any]:
    return {"account_id": lease.account_id, "owner": lease.owner, "token": lease.token}
