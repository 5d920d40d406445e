"""When stored keys are asked about again: about once a day each, and soon after an exchange refused one in use.

Owners change keys at the exchange. What an answer leads to is `accounts.services.verification`'s part.
"""

import zlib
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db.models import Q

from accounts.clock import now
from accounts.exchanges.errors import ExchangeRefused
from accounts.exchanges.modes import mode_check
from accounts.models import ExchangeAccount

State, Status = ExchangeAccount.Verification, ExchangeAccount.Status
SPREAD = 0.2  # up to so much of the interval earlier or later, so that accounts added together do not come together
SOON = timedelta(minutes=10)  # keys that nobody could ask about yet, or that wait to be deleted
A_RUN = 5  # a verification weighs some 60 of the 6,000 a minute that an exchange allows


def keys_verify_due() -> list[int]:
    """Enqueue the verification of keys that are due, the longest unasked first; primary keys of their accounts."""
    enqueued: list[int] = []
    for account in _candidates():
        if len(enqueued) == A_RUN:
            break
        if _due(account) <= now() and _may(account) and account_verify_soon(account_id=account.pk):
            enqueued.append(account.pk)
    return enqueued


def account_verify_soon(*, account_id: int) -> bool:
    """Have one account's keys verified, unless that was asked for a moment ago; whether it was enqueued.

    Streams and workers ask for it whenever the exchange refuses a key, which may be many times a minute.
    """
    if not cache.add(f"accounts:verify:{account_id}", 1, timeout=int(SOON.total_seconds())):
        return False
    verify_enqueue(account_id)
    return True


def verify_enqueue(account_id: int) -> None:
    """Put the verification on the execution queue (no other process opens keys)."""
    from accounts.tasks import account_verify

    account_verify.delay(account_id)


def _candidates() -> list[ExchangeAccount]:
    """Accounts with keys that nobody asked about for as long as the earliest due time; refused keys that are left
    stay refused until they are replaced, but for those that only wait to be deleted."""
    earliest = now() - _every() * (1 - SPREAD)
    old = Q(verification__in=(State.VERIFIED, State.UNPROVEN), verified_at__lt=earliest)
    open_ = Q(verification=State.UNVERIFIED) | Q(verification=State.REFUSED, permissions__may_withdraw=True)
    rows = ExchangeAccount.objects.filter(old | open_).exclude(sealed_credentials="").exclude(status=Status.REMOVED)
    return list(rows.order_by("verified_at", "pk"))


def _due(account: ExchangeAccount) -> datetime:
    """When it is asked about again: the same for every process, another moment for every account and time."""
    if account.verification not in (State.VERIFIED, State.UNPROVEN) or account.verified_at is None:
        return (account.verified_at or account.created_at) + SOON
    part = zlib.crc32(f"{account.public_id} {account.verified_at.isoformat()}".encode()) / 2**32
    return account.verified_at + _every() * (1 - SPREAD + 2 * SPREAD * part)


def _every() -> timedelta:
    return timedelta(seconds=settings.XRAY_KEYS_VERIFY_EVERY_S)


def _may(account: ExchangeAccount) -> bool:
    """Whether this deployment sends anything with these keys at all."""
    try:
        mode_check(exchange=account.exchange, mode=account.mode, live_enabled=account.live_enabled)
    except (ExchangeRefused, ValueError):
        return False
    return True
