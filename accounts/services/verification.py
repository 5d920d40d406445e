"""Asking an exchange what a key may do. Runs on the execution queue: the only part of accounts that opens keys."""

import logging
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction

from accounts.clock import now
from accounts.exchanges.error_map import answered
from accounts.exchanges.errors import ExchangeAmbiguous, ExchangeError, ExchangeRetry, ExchangeStopped, translated
from accounts.exchanges.loop import run
from accounts.exchanges.quirks import KeyPermissions, quirks_for
from accounts.models import ExchangeAccount
from accounts.services.audit import audit_record
from accounts.services.notices import notice_send

log = logging.getLogger(__name__)
TIMEOUT_S = 45.0
PAGE = "/exchange-accounts/"
State = ExchangeAccount.Verification
ADVICE = "Advice: limit the key to this server's address at the exchange."


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
    except ExchangeStopped as error:
        return Verdict(State.REFUSED, str(error), {}, "bad")
    except ExchangeError as error:
        return Verdict(State.UNVERIFIED, str(error), {}, "warn")
    return _judged(permissions)


async def _asked(account: ExchangeAccount) -> KeyPermissions:
    from accounts.exchanges.factory import account_client

    client = account_client(account)
    with translated("Reading the balances"):
        await client.fetch_balance()
    try:
        with translated("Reading the key's permissions"):
            return await quirks_for(account.exchange).permissions(client)
    except ExchangeError as error:
        if isinstance(error, ExchangeRetry | ExchangeAmbiguous) and not answered(error):
            raise
        log.info("account %s: the exchange does not tell the key's permissions: %s", account.pk, error)
        return KeyPermissions(may_read=True)


def _judged(found: KeyPermissions) -> Verdict:
    facts = asdict(found)
    if found.may_withdraw:
        words = "Refused: this key may withdraw. Our copy was deleted: make a key with reading and spot trading only."
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
    values: dict[str, Any] = {
        "verification": verdict.state,
        "verification_detail": verdict.detail[:400],
        "permissions": verdict.permissions,
        "verified_at": now(),
    }
    if verdict.drop_keys:
        values |= {"sealed_credentials": "", "key_hint": ""}
    with transaction.atomic():
        # Keys that were replaced meanwhile are judged by their own task.
        same = ExchangeAccount.objects.filter(pk=account.pk, sealed_credentials=account.sealed_credentials)
        if not same.update(**values):
            return None
        detail = {"state": verdict.state, "permissions": verdict.permissions}
        audit_record(actor=None, action="account.verified", obj=account, detail=detail)
        title = f"{account.name}: {State(verdict.state).label.lower()}"
        notice_send(
            user=account.user, level=verdict.level, title=title, text=verdict.detail, link="/exchange-accounts/"
        )
    if verdict.drop_keys:
        from accounts.exchanges.factory import client_forget

        client_forget(account)
    account.refresh_from_db()
    return account
