"""Fees above a tenth of their trade: kept with their numbers, let through once accepted, and the account's release.

An account that was paused for nothing but such fees goes on by itself when they are accepted and booked and a
comparison with its exchange finds nothing else.
"""

import logging

from django.db import connection

from accounts.clock import now
from accounts.models import ExchangeAccount
from accounts.services.exchange_accounts import account_resume
from accounts.services.notices import notice_send
from trading.domain.odd_answers import TradeFee
from trading.models import OddFee, QuarantinedAnswer
from trading.selectors.odd_fees import fees_open
from trading.turn.ports import CheckResult

logger = logging.getLogger(__name__)


def fee_keep(account: ExchangeAccount, fee: TradeFee) -> OddFee:
    """The row of this fee, made when it is new."""
    found = _same(account, fee)
    return found or OddFee.objects.create(
        account=account,
        symbol=fee.symbol,
        trade_id=fee.trade_id,
        side=fee.side,
        price=fee.price,
        amount=fee.amount,
        fee=fee.fee,
        currency=fee.currency,
        seen_at=now(),
    )


def fee_accepted(account: ExchangeAccount, fee: TradeFee) -> bool:
    """Whether exactly this fee of this trade was accepted: another number is asked about anew."""
    try:
        found = _same(account, fee)
        return found is not None and found.accepted_at is not None
    finally:
        if not connection.in_atomic_block:
            connection.close()  # requests of one account wait in threads of their own


def _same(account: ExchangeAccount, fee: TradeFee) -> OddFee | None:
    rows = OddFee.objects.filter(account=account, symbol=fee.symbol, trade_id=fee.trade_id, currency=fee.currency)
    numbers = fee.price, fee.amount, fee.fee
    return next((row for row in rows if (row.price, row.amount, row.fee) == numbers), None)


def release(account: ExchangeAccount, check: CheckResult) -> bool:
    """After a comparison: let the account go on if it was paused for odd fees only, and all of them are settled."""
    fresh = ExchangeAccount.objects.select_related("user").get(pk=account.pk)
    settled = OddFee.objects.exclude(pause_reason="").filter(
        account=fresh, pause_reason=fresh.status_reason, accepted_at__isnull=False
    )
    first = settled.order_by("seen_at").first() if fresh.status == ExchangeAccount.Status.PAUSED else None
    if fresh.verification == ExchangeAccount.Verification.REFUSED:
        return False
    if first is None or check.unconfirmed or any(finding.pauses for finding in check.findings):
        return False
    other = QuarantinedAnswer.objects.filter(account=fresh, last_at__gte=first.seen_at, fee=None)
    if other.filter(kind=QuarantinedAnswer.Kind.IMPOSSIBLE).exists() or fees_open().filter(account=fresh).exists():
        return False
    account_resume(account=fresh, actor=None)
    logger.warning("account %s is released: its odd fees are accepted and booked", fresh.pk)
    text = "The accepted fee is booked, and the account agrees with its exchange: its bots trade again."
    notice_send(user=fresh.user, level="ok", title=f"{fresh.name} goes on", text=text, link="/exchange-accounts/")
    return True
