"""Taking stored keys over to another master key, one account a transaction; nothing that was typed in is opened."""

from django.db import transaction

from accounts.crypto import SealError, master_key_ids, rewrap, sealed_key_id
from accounts.models import ExchangeAccount
from accounts.services.audit import audit_record

TRIES = 5


def rotation_check(*, target: str) -> None:
    """Whether keys would go under the master key `target` now; raises SealError that says what to do."""
    configured = master_key_ids()
    if target not in configured:
        raise SealError(
            f"The master key {target!r} is not configured (there are: {', '.join(configured)}). Put it first in "
            "XRAY_MASTER_KEYS, leave the old ones behind it, and restart every process."
        )
    if target != configured[0]:
        raise SealError(f"The master key {target!r} is configured, but {configured[0]!r} encrypts: put it first.")


def account_keys_rotate(*, account_id: int) -> bool:
    """Put an account's keys under the master key that encrypts; False when they are, or when there are none.

    The update holds only while nobody has replaced the keys since they were read; then they are read again.

    Raises:
        SealError: the keys cannot be opened with the configured master keys.

    """
    for _ in range(TRIES):
        account = ExchangeAccount.objects.filter(pk=account_id).exclude(sealed_credentials="").first()
        if account is None or sealed_key_id(account.sealed_credentials) == master_key_ids()[0]:
            return False
        if _rotated(account, rewrap(account.sealed_credentials)):
            return True
    raise SealError("The keys of this account change all the time; try again.")


def _rotated(account: ExchangeAccount, sealed: str) -> bool:
    old = account.sealed_credentials
    with transaction.atomic():
        rows = ExchangeAccount.objects.filter(pk=account.pk, sealed_credentials=old)
        if not rows.update(sealed_credentials=sealed):
            return False
        detail = {"from": sealed_key_id(old), "to": sealed_key_id(sealed)}
        audit_record(actor=None, action="account.keys_rotated", obj=account, detail=detail)
    return True
