"""What a comparison with the exchange came to: balances beside ours, findings kept and told, the account paused."""

import logging
from decimal import Decimal

from django.core.cache import cache
from django.db import transaction

from accounts.models import ExchangeAccount
from accounts.services.exchange_accounts import account_pause
from accounts.services.notices import notice_send
from trading.domain.findings import REPAIRED, Finding, FindingKind
from trading.models import AccountCheck, AccountLease, Balance
from trading.store.odd_fees import release
from trading.turn.ports import CheckResult

logger = logging.getLogger(__name__)
ASKED = "asked for by its owner"
FEE_ACCEPTED = "an odd fee was accepted"
CHANGED = "its stream told other balances"
OTHER_KEYS = "its keys were replaced"
WANTED_ANYWAY = (ASKED, FEE_ACCEPTED, CHANGED, OTHER_KEYS)  # compared whether anything is open or not
TOLD_S = 86_400  # the same words are told once a day
TITLES = {
    FindingKind.TRANSFER: "money came or left",
    FindingKind.OUTSIDE_TRADE: "traded by hand",
    FindingKind.OUTSIDE_ORDER: "an order by hand rests",
    FindingKind.STRANGE_ORDER: "an order that nobody knows",
    FindingKind.REVIVED_ORDER: "a closed order is open",
    FindingKind.COINS_MISSING: "coins are missing",
    FindingKind.ODD_TRADE: "a trade that cannot be",
}


def check_store(account: ExchangeAccount, check: CheckResult) -> None:
    """One transaction; then whoever has to know is told."""
    with transaction.atomic():
        _balances(account, check)
        ExchangeAccount.objects.filter(pk=account.pk).update(last_checked_at=check.at)
        lease = AccountLease.objects.filter(account=account)
        reason = lease.values_list("check_reason", flat=True).first() or "after a start"
        lease.update(unconfirmed={name: str(amount) for name, amount in check.unconfirmed.items()}, check_reason="")
        if check.again_at is not None:
            lease.update(check_wanted_at=check.again_at, check_reason="balances differ")
        if check.findings:
            rows = [{"kind": str(finding.kind), "text": finding.text} for finding in check.findings]
            outcome = _outcome(check.findings)
            AccountCheck.objects.create(account=account, at=check.at, reason=reason, outcome=outcome, findings=rows)
        _pause(account, check.findings)
        release(account, check)
    for finding in check.findings:
        _tell(account, finding)


def _balances(account: ExchangeAccount, check: CheckResult) -> None:
    rows = {row.currency: row for row in Balance.objects.filter(account=account)}
    for name in sorted(rows.keys() | check.totals.keys()):
        values = {"exchange_total": check.totals.get(name, Decimal(0)), "exchange_at": check.at}
        Balance.objects.update_or_create(account=account, currency=name, defaults=values)


def _outcome(findings: tuple[Finding, ...]) -> str:
    if any(finding.pauses for finding in findings):
        return AccountCheck.Outcome.PAUSED
    repaired = any(finding.kind in REPAIRED for finding in findings)
    return AccountCheck.Outcome.REPAIRED if repaired else AccountCheck.Outcome.SHOWN


def _pause(account: ExchangeAccount, findings: tuple[Finding, ...]) -> None:
    why = [finding.text for finding in findings if finding.pauses]
    if why and account.status == ExchangeAccount.Status.ACTIVE:
        account_pause(account=account, actor=None, reason=why[0])


def _tell(account: ExchangeAccount, finding: Finding) -> None:
    logger.warning("account %s, compared with its exchange: %s: %s", account.pk, finding.kind, finding.text)
    title = TITLES.get(finding.kind)
    once = f"trading:found:{account.pk}:{finding.text}"[:200].replace(" ", "_")
    if title is not None and cache.add(once, 1, timeout=TOLD_S):
        level = "bad" if finding.pauses else "info"
        notice_send(user=account.user, level=level, title=f"{account.name}: {title}", text=finding.text)
