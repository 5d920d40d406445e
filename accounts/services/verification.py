"""Asking an exchange what a key may do. Runs on the execution queue: the only part of accounts that opens keys.

It is asked when keys are stored, and again from time to time (`accounts.services.reverification`): a key that has
become dangerous or dead stops its own account and no other.
"""

import logging
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from django.db import transaction

from accounts.clock import now
from accounts.crypto import unseal
from accounts.exchanges.error_map import answered
from accounts.exchanges.errors import (
    ExchangeAmbiguous,
    ExchangeError,
    ExchangeRetry,
    ExchangeStopped,
    KeysClosed,
    readable,
    translated,
)
from accounts.exchanges.loop import run
from accounts.exchanges.quirks import KeyPermissions, quirks_for
from accounts.models import ExchangeAccount
from accounts.services.audit import audit_record
from accounts.services.exchange_accounts import ATTESTED, account_pause
from accounts.services.guards import keys_kept_reasons
from accounts.services.key_prints import key_print, key_taken
from accounts.services.notices import notice_send

log = logging.getLogger(__name__)
TIMEOUT_S = 45.0
PAGE = "/exchange-accounts/"
State = ExchangeAccount.Verification
USABLE = (State.VERIFIED, State.UNPROVEN)
ADVICE = "Advice: limit the key to this server's address at the exchange."
GAINED = "Refused: this key may withdraw."
THEN = "Make a key with reading and spot trading only, replace this one, and resume the account."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found: the state, words for the owner, and whether the keys must go."""

    state: str
    detail: str
    permissions: dict[str, Any]
    level: str = "ok"
    drop_keys: bool = False


def account_verify(*, account_id: int) -> ExchangeAccount | None:
    """Read balances and permissions with the account's keys and store the verdict.

    A key that may withdraw is refused and deleted; where the exchange does not tell, the account is unproven.

    Returns None when there is nothing to verify (no account, no keys).

    Raises:
        ExchangeRetry, ExchangeAmbiguous: the exchange cannot be reached now; nothing was stored, ask again later.

    """
    account = ExchangeAccount.objects.select_related("user").filter(pk=account_id).first()
    if account is None or not account.sealed_credentials or account.status == ExchangeAccount.Status.REMOVED:
        return None
    verdict = _verdict(account)
    return _stored(account, verdict)


def account_unreachable(*, account_id: int, reason: str) -> None:
    """Verification gave up for now: say so beside the account (its keys stay, unverified)."""
    ExchangeAccount.objects.filter(pk=account_id, verification=State.UNVERIFIED).update(
        verification_detail=f"Not verified yet: {reason} Ask again when the exchange answers."[:400]
    )


def _verdict(account: ExchangeAccount) -> Verdict:
    try:
        permissions = run(_asked(account), timeout_s=TIMEOUT_S)
    except (ExchangeRetry, ExchangeAmbiguous):
        raise
    except KeysClosed as error:
        return Verdict(State.UNVERIFIED, str(error), {}, "warn")
    except ExchangeStopped as error:
        return Verdict(State.REFUSED, str(error), {}, "bad")
    except ExchangeError as error:
        return Verdict(State.UNVERIFIED, str(error), {}, "warn")
    verdict = _attested(account, _judged(permissions))
    if verdict.state in USABLE and (taken := _taken(account)):
        return Verdict(State.REFUSED, f"Refused: {taken} Remove this account, or that one.", verdict.permissions, "bad")
    return verdict


def _taken(account: ExchangeAccount) -> str:
    """Keys that were stored before keys were recognised are looked at here, and those that came at the same moment."""
    account.key_print = key_print(account, str(unseal(account.sealed_credentials)["api_key"]))
    return key_taken(account, by_older=True)


def _attested(account: ExchangeAccount, verdict: Verdict) -> Verdict:
    """What its owner vouched for holds for as long as these keys do."""
    owner = account.permissions.get("attested_by")
    if verdict.state != State.UNPROVEN or not owner:
        return verdict
    return replace(verdict, detail=ATTESTED, level="ok", permissions={**verdict.permissions, "attested_by": owner})


async def _asked(account: ExchangeAccount) -> KeyPermissions:
    from accounts.exchanges.factory import account_client

    client = account_client(account)
    with translated("Reading the balances"), readable("Reading the balances"):
        await client.fetch_balance()
    try:
        with translated("Reading the key's permissions"), readable("Reading the key's permissions"):
            return _told(await quirks_for(account.exchange).permissions(client))
    except ExchangeError as error:
        # An exchange that did tell about this key will tell again: one bad answer does not make it unproven.
        told_before = account.verification == State.VERIFIED
        if isinstance(error, ExchangeRetry | ExchangeAmbiguous) and (told_before or not answered(error)):
            raise
        log.info("account %s: the exchange does not tell the key's permissions: %s", account.pk, error)
        return KeyPermissions(may_read=True)


def _told(found: KeyPermissions) -> KeyPermissions:
    """Only a clear yes or no counts; an exchange may answer anything."""
    values = {field.name: getattr(found, field.name) for field in fields(found)}
    return KeyPermissions(**{name: value if isinstance(value, bool) else None for name, value in values.items()})


def _judged(found: KeyPermissions) -> Verdict:
    facts = asdict(found)
    if found.may_withdraw:
        words = f"{GAINED} Our copy was deleted. {THEN}"
        return Verdict(State.REFUSED, words, facts, "bad", drop_keys=True)
    if found.may_trade is False:
        return Verdict(
            State.REFUSED, "Refused: this key may not trade. Allow spot trading and ask again.", facts, "bad"
        )
    if found.may_withdraw is None:
        words = "The exchange does not tell whether this key may withdraw: make sure that it may not, and attest it."
        return Verdict(State.UNPROVEN, words, facts, "warn")
    advice = f" {ADVICE}" if found.ip_restricted is False else ""
    return Verdict(State.VERIFIED, f"The key can read and trade, and cannot withdraw.{advice}", facts)


def _stored(account: ExchangeAccount, verdict: Verdict) -> ExchangeAccount | None:
    if verdict.drop_keys and (needed := keys_kept_reasons(account)):
        words = f"{GAINED} {' '.join(needed)} Our copy is deleted after that. {THEN}"
        verdict = replace(verdict, detail=words, drop_keys=False)
    values: dict[str, Any] = {
        "verification": verdict.state,
        "verification_detail": verdict.detail[:400],
        "permissions": verdict.permissions,
        "verified_at": now(),
        "key_print": account.key_print,
    }
    if verdict.drop_keys:
        values |= {"sealed_credentials": "", "key_hint": "", "key_print": ""}
    with transaction.atomic():
        # Keys that were replaced meanwhile are judged by their own task.
        same = ExchangeAccount.objects.filter(pk=account.pk, sealed_credentials=account.sealed_credentials)
        if not same.update(**values):
            return None
        if any(getattr(account, name) != values[name] for name in ("verification", "verification_detail")):
            _tell(account, verdict)
        if verdict.state == State.REFUSED and account.verification in USABLE:
            _stop(account, verdict)
    if verdict.drop_keys:
        from accounts.exchanges.factory import client_forget

        client_forget(account)
    account.refresh_from_db()
    return account


def _tell(account: ExchangeAccount, verdict: Verdict) -> None:
    """Only what is new: a key that is as good as yesterday is no news."""
    detail = {"state": verdict.state, "permissions": verdict.permissions}
    audit_record(actor=None, action="account.verified", obj=account, detail=detail)
    title = f"{account.name}: {State(verdict.state).label.lower()}"
    notice_send(user=account.user, level=verdict.level, title=title, text=verdict.detail, link=PAGE)


def _stop(account: ExchangeAccount, verdict: Verdict) -> None:
    """A key that was good and is not: no entries of this account any more, whoever holds its keys."""
    fresh = ExchangeAccount.objects.get(pk=account.pk)
    if fresh.status == ExchangeAccount.Status.ACTIVE:
        account_pause(account=fresh, actor=None, reason=verdict.detail)
