"""An exchange account's life: added, verified, paused, its keys replaced, removed; every step is audited.

Keys are sealed here and opened only where a request is signed. Raises Django's ValidationError (messages by field)
and PermissionDenied.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial

from django.core.cache import cache
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction

from accounts.crypto import SealError, seal
from accounts.models import ExchangeAccount, User
from accounts.services.account_checks import Checked, account_check, keys_check
from accounts.services.audit import audit_record
from accounts.services.guards import account_removal_reasons, keys_replaced
from accounts.services.key_prints import key_print, key_taken
from accounts.services.reverification import verify_enqueue

Status, Mode, Verification = ExchangeAccount.Status, ExchangeAccount.Mode, ExchangeAccount.Verification
VERIFY_FOLDED_S = 5  # asking again so soon asks for the same
ATTESTED = "Permissions unproven; its owner attests that the key may not withdraw."


def account_add(
    *,
    user: User,
    name: str,
    exchange: str,
    mode: str = Mode.PAPER,
    api_key: str = "",
    api_secret: str = "",
    passphrase: str = "",
    quote_currency: str = "USDT",
    paper_start_balance: Decimal | str | int | None = None,
    live_enabled: bool = False,
    actor: User | None = None,
    ip: str | None = None,
) -> ExchangeAccount:
    """A new account. With keys it is verified by a task once the transaction has committed.

    Raises:
        ValidationError: bad or missing values by field; `mode` when the deployment does not allow it.

    """
    checked = account_check(
        user=user,
        values={
            "name": name,
            "exchange": exchange,
            "mode": mode,
            "quote_currency": quote_currency,
            "paper_start_balance": paper_start_balance,
            "live_enabled": live_enabled,
            "api_key": api_key,
            "api_secret": api_secret,
            "passphrase": passphrase,
        },
    )
    with transaction.atomic():
        account = _created(user, checked)
        detail = {"exchange": account.exchange, "mode": account.mode, "live_enabled": account.live_enabled}
        audit_record(actor=actor or user, action="account.added", obj=account, detail=detail, ip=ip)
        _verify_later(account)
    return account


def _created(user: User, checked: Checked) -> ExchangeAccount:
    account = ExchangeAccount(user=user, **checked.fields)
    _keys_put(account, checked.keys)
    try:
        with transaction.atomic():
            account.save()
    except IntegrityError:
        raise ValidationError({"name": ["You already have an account of this name; choose another."]}) from None
    return account


def _keys_put(account: ExchangeAccount, keys: Mapping[str, str]) -> None:
    if not keys:
        account.verification = Verification.NOT_NEEDED
        return
    account.key_print = key_print(account, keys["api_key"])
    if taken := key_taken(account):
        raise ValidationError({"api_key": [f"{taken} Use that account, or remove it first."]})
    try:
        account.sealed_credentials = seal(dict(keys))
    except SealError as error:
        raise ValidationError({"api_key": [f"Keys cannot be stored on this server now. {error}"]}) from None
    account.key_hint = keys["api_key"][-4:] if len(keys["api_key"]) > 8 else ""
    account.verification, account.verification_detail = Verification.UNVERIFIED, "Waiting to be verified."
    account.permissions, account.verified_at = {}, None


def account_replace_keys(
    *,
    account: ExchangeAccount,
    api_key: str,
    api_secret: str,
    passphrase: str = "",
    actor: User,
    ip: str | None = None,
) -> ExchangeAccount:
    """Seal other keys for the account and verify them; running processes take them with their next request."""
    _may(account, actor)
    given = {"api_key": api_key, "api_secret": api_secret, "passphrase": passphrase}
    keys, errors = keys_check(account.exchange, account.mode, given)
    if errors:
        raise ValidationError(errors)
    if not keys:
        raise ValidationError({"api_key": ["A paper account has no keys."]})
    with transaction.atomic():
        _keys_put(account, keys)
        account.save(
            update_fields=[
                "sealed_credentials",
                "key_hint",
                "key_print",
                "verification",
                "verification_detail",
                "permissions",
                "verified_at",
            ]
        )
        audit_record(actor=actor, action="account.keys_replaced", obj=account, ip=ip)
        keys_replaced(account)
        _verify_later(account)
    return account


def account_verify_request(*, account: ExchangeAccount, actor: User, ip: str | None = None) -> ExchangeAccount:
    """Have the keys verified again by a task on the execution queue (the web process never decrypts)."""
    _may(account, actor)
    if account.mode == Mode.PAPER:
        raise ValidationError({"mode": ["A paper account has no keys to verify."]})
    if not account.sealed_credentials:
        raise ValidationError({"api_key": ["There are no keys stored: enter them first."]})
    if not cache.add(f"accounts:verify:asked:{account.pk}", 1, timeout=VERIFY_FOLDED_S):
        return account
    with transaction.atomic():
        ExchangeAccount.objects.filter(pk=account.pk).update(verification_detail="Waiting to be verified.")
        account.verification_detail = "Waiting to be verified."
        audit_record(actor=actor, action="account.verify_requested", obj=account, ip=ip)
        _verify_later(account)
    return account


def account_pause(
    *, account: ExchangeAccount, actor: User | None, reason: str = "", ip: str | None = None
) -> ExchangeAccount:
    """No trading on this account until it is resumed."""
    return _status_set(account, Status.PAUSED, actor, "account.paused", reason or "Paused by its owner.", ip)


def account_resume(*, account: ExchangeAccount, actor: User | None, ip: str | None = None) -> ExchangeAccount:
    """The account may trade again. Raises ValidationError while its keys are refused: nothing would come of it."""
    if account.verification == Verification.REFUSED:
        words = (
            "Nothing was resumed, since its keys cannot trade. Replace them (or have them verified again), then resume."
        )
        raise ValidationError({"account": [f"{words} {account.verification_detail}"]})
    return _status_set(account, Status.ACTIVE, actor, "account.resumed", "", ip)


def account_live_set(*, account: ExchangeAccount, enabled: bool, actor: User, ip: str | None = None) -> ExchangeAccount:
    """The owner's own switch for live trading (the deployment has another)."""
    _may(account, actor)
    if account.mode != Mode.LIVE:
        raise ValidationError({"live_enabled": ["Only an account of mode live has this switch."]})
    with transaction.atomic():
        account.live_enabled = enabled
        account.save(update_fields=["live_enabled"])
        audit_record(actor=actor, action="account.live_set", obj=account, detail={"enabled": enabled}, ip=ip)
    return account


def account_attest(*, account: ExchangeAccount, actor: User, ip: str | None = None) -> ExchangeAccount:
    """The owner vouches, audited, that a key whose permissions nobody can read may not withdraw."""
    _may(account, actor)
    if account.verification != Verification.UNPROVEN:
        raise ValidationError({"verification": ["Only an account whose permissions are unproven can be attested."]})
    with transaction.atomic():
        account.permissions = {**account.permissions, "attested_by": actor.email}
        account.verification_detail = ATTESTED
        account.save(update_fields=["permissions", "verification_detail"])
        audit_record(actor=actor, action="account.attested", obj=account, ip=ip)
    return account


def account_remove(*, account: ExchangeAccount, actor: User, ip: str | None = None) -> None:
    """Delete the keys and hide the account; its history stays.

    Raises:
        ValidationError: another room has a reason to keep it (an open position, a bot).

    """
    _may(account, actor)
    if reasons := account_removal_reasons(account):
        raise ValidationError({"account": reasons})
    with transaction.atomic():
        account.status, account.status_reason = Status.REMOVED, ""
        account.sealed_credentials, account.key_hint, account.key_print, account.permissions = "", "", "", {}
        account.save(
            update_fields=["status", "status_reason", "sealed_credentials", "key_hint", "key_print", "permissions"]
        )
        audit_record(actor=actor, action="account.removed", obj=account, ip=ip)


def _status_set(
    account: ExchangeAccount, status: str, actor: User | None, action: str, reason: str, ip: str | None
) -> ExchangeAccount:
    _may(account, actor)
    with transaction.atomic():
        account.status, account.status_reason = status, reason[:400]
        account.save(update_fields=["status", "status_reason"])
        audit_record(actor=actor, action=action, obj=account, detail={"reason": reason[:400]}, ip=ip)
    return account


def _may(account: ExchangeAccount, actor: User | None) -> None:
    if actor is not None and not actor.is_staff and account.user_id != actor.pk:
        raise PermissionDenied("This account is somebody else's.")
    if account.status == Status.REMOVED:
        raise ValidationError({"account": ["This account was removed."]})


def _verify_later(account: ExchangeAccount) -> None:
    if account.verification == Verification.NOT_NEEDED:
        return

    transaction.on_commit(partial(verify_enqueue, account.pk), robust=True)


def account_verify(*, account_id: int) -> ExchangeAccount | None:
    """Verify now, in this process (the task's part; see `accounts.services.verification`)."""
    from accounts.services import verification

    return verification.account_verify(account_id=account_id)
