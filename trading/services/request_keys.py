"""A request that a program repeats because its answer was lost is done once."""

from collections.abc import Callable
from datetime import timedelta

from django.db import transaction

from accounts.clock import now
from accounts.models import User
from trading.models import Intent, RequestKey

KEPT = timedelta(days=1)


class KeyUsed(Exception):
    """The key was used for something else."""


def intent_once(*, user: User, key: str, asked: str, act: Callable[[], Intent]) -> Intent:
    """The intent of `act`, or the one that came of it when it was asked for under this key before.

    Both are one transaction: what failed has used no key. Raises KeyUsed when `asked` is something else.
    """
    with transaction.atomic():
        row, _ = RequestKey.objects.get_or_create(user=user, key=key, defaults={"asked": asked})
        if row.asked != asked:
            raise KeyUsed
        if row.intent is None:
            row.intent = act()
            row.save(update_fields=["intent"])
        return row.intent


def request_keys_tidy() -> int:
    """Forget keys after a day; returns how many."""
    return RequestKey.objects.filter(created_at__lt=now() - KEPT).delete()[0]
