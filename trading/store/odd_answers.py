"""Odd answers of an exchange: kept, and the account is paused when money is unclear."""

import logging
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Sum

from accounts.clock import now
from accounts.fields import storable
from accounts.models import ExchangeAccount
from accounts.services.exchange_accounts import account_pause
from accounts.services.notices import notice_send
from trading.domain.odd_answers import OddAnswer
from trading.models import OddFee, QuarantinedAnswer
from trading.store.odd_fees import fee_keep

logger = logging.getLogger(__name__)
SAME = timedelta(hours=1)  # the same again within this time counts as one
KEPT = 200  # of an account
UNREADABLE_TO_PAUSE = 20  # so many within `SAME`: somebody has to look
TOO_MANY = "It has done so many times: look whether the exchange reports trouble, then resume the account."


def answer_quarantine(account: ExchangeAccount, odd: OddAnswer) -> None:
    """Keep one odd answer; an impossible one, or many unreadable ones, pause the account and tell its owner."""
    logger.warning("account %s: the answer about %s is odd: %s", account.pk, odd.about, odd.text)
    try:
        with transaction.atomic():
            fee = None if odd.fee is None else fee_keep(account, odd.fee)
            _keep(account, odd, fee)
            if odd.impossible or _times(account) >= UNREADABLE_TO_PAUSE:
                _pause(account, odd, fee)
    finally:
        if not connection.in_atomic_block:
            connection.close()  # requests of one account wait in threads of their own


def _keep(account: ExchangeAccount, odd: OddAnswer, fee: OddFee | None) -> None:
    kinds, moment = QuarantinedAnswer.Kind, now()
    what: dict[str, Any] = {"kind": kinds.IMPOSSIBLE if odd.impossible else kinds.UNREADABLE}
    what |= {"about": odd.about[:120], "text": odd.text[:240], "fee": fee}
    rows = QuarantinedAnswer.objects.filter(account=account)
    if rows.filter(**what, first_at__gt=moment - SAME).update(times=F("times") + 1, last_at=moment):
        return
    raw = "".join(char for char in odd.raw if storable(char))
    QuarantinedAnswer.objects.create(account=account, raw=raw, first_at=moment, last_at=moment, **what)
    rows.filter(pk__in=list(rows.values_list("pk", flat=True)[KEPT:])).delete()


def _times(account: ExchangeAccount) -> int:
    rows = QuarantinedAnswer.objects.filter(account=account, first_at__gt=now() - SAME).order_by()
    return int(rows.aggregate(all=Sum("times"))["all"] or 0)


def _pause(account: ExchangeAccount, odd: OddAnswer, fee: OddFee | None) -> None:
    fresh = ExchangeAccount.objects.select_related("user").get(pk=account.pk)
    if fresh.status != ExchangeAccount.Status.ACTIVE:
        return
    words = f"{fresh.get_exchange_display()} answered something odd about {odd.about}: {odd.text}"
    account_pause(account=fresh, actor=None, reason=words)
    if fee is not None:
        OddFee.objects.filter(pk=fee.pk).update(pause_reason=fresh.status_reason)
    text = f"{words} {odd.advice if odd.impossible else TOO_MANY}"
    notice_send(user=fresh.user, level="bad", title=f"{fresh.name}: odd answers", text=text, link="/exchange-accounts/")
