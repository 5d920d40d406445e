"""Waking the workers that execute accounts: after commit, and once however many reasons there are."""

import logging
from collections.abc import Iterable

from celery import current_app
from django.core.cache import cache
from django.db import transaction

logger = logging.getLogger(__name__)
WORK_TASK = "trading.tasks.account_work"
FLAG_SECONDS = 10  # a wake lost with a killed worker is repeated by the sweeper after this
VERSION_KEY = "trading:version"


def accounts_wake(account_ids: Iterable[int]) -> None:
    """Have these accounts executed once the current transaction has committed."""
    wanted = sorted(set(account_ids))
    if wanted:
        transaction.on_commit(lambda: [account_wake_now(account_id) for account_id in wanted], robust=True)


def account_wake_now(account_id: int, *, delay_s: float = 0.0) -> bool:
    """Queue the account's work unless it is queued already; False when it was (or the broker is away)."""
    if not cache.add(_flag(account_id), 1, timeout=FLAG_SECONDS):
        return False
    try:
        current_app.signature(WORK_TASK, args=(account_id,), queue="execution").apply_async(countdown=delay_s)
    except Exception:
        # Intents are in the database, so nothing is lost: the sweeper wakes the account again.
        logger.exception("account %s could not be woken", account_id)
        cache.delete(_flag(account_id))
        return False
    return True


def wake_taken(account_id: int) -> None:
    """The work has begun: what happens from now on must wake the account again."""
    cache.delete(_flag(account_id))


def trades_changed() -> None:
    """Tell watchers in every process that orders, positions or bots changed (they reload their index)."""
    transaction.on_commit(_version_bump, robust=True)


def trades_version() -> int:
    """The counter that `trades_changed` moves."""
    return int(cache.get(VERSION_KEY, 0))


def _version_bump() -> None:
    cache.add(VERSION_KEY, 0, timeout=None)
    cache.incr(VERSION_KEY)


def _flag(account_id: int) -> str:
    return f"trading:work:{account_id}"
