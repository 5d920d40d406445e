"""What makes an account look at its exchange again: bells of its user stream, and wishes to have it checked."""

from collections.abc import Mapping
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from accounts.clock import now
from accounts.models import ExchangeAccount
from trading.memory import AccountMemory
from trading.models import AccountLease, Balance, Order
from trading.services.wakes import accounts_wake
from trading.store.checks import ASKED, CHANGED, OTHER_KEYS
from trading.turn.catch_up import BELL, STREAM

BELL_S, STREAM_S = 600, 90
UNCLEAR = (Order.Status.PENDING, Order.Status.UNKNOWN)


def bell_ring(account_id: int) -> None:
    """Something happened at the exchange: the account's next turn must look at its orders."""
    AccountMemory(account_id).note_put(BELL, 1, BELL_S)


def stream_alive(account_id: int) -> None:
    """The account's user stream delivers: look at quiet orders less often."""
    AccountMemory(account_id).note_put(STREAM, 1, STREAM_S)


def stream_delivered(account_id: int) -> bool:
    """Whether the account's user stream has delivered lately."""
    return AccountMemory(account_id).note_read(STREAM) is not None


def stream_lost(account_id: int) -> None:
    """The account's user stream broke: its orders are looked at every few seconds again."""
    AccountMemory(account_id).note_drop(STREAM)


def check_want(account_id: int, reason: str) -> None:
    """Have the account compared with its exchange before it next trades (a gap in its stream, a request, ...)."""
    values = {"check_wanted_at": now(), "check_reason": reason[:120]}
    AccountLease.objects.update_or_create(account_id=account_id, defaults=values)


def balances_told(*, account_id: int, totals: Mapping[str, Decimal | None]) -> bool | None:
    """A stream told these totals by currency (None: changed, and nobody knows to what). Where they are not our
    ledger's the account is to be compared; returns whether.

    None while an order's fate or its fills are unclear: the ledger is behind then, which says nothing yet.
    """
    behind = Q(status__in=UNCLEAR) | Q(status=Order.Status.ACTIVE, type=Order.Type.MARKET)
    if Order.objects.filter(behind, account_id=account_id).exists():
        return None
    rows = Balance.objects.filter(account_id=account_id, currency__in=totals)
    ours = {row.currency: row.total for row in rows}
    if all(total == ours.get(name, 0) for name, total in totals.items()):
        return False
    check_want(account_id, CHANGED)
    return True


def check_of_other_keys(account: ExchangeAccount) -> None:
    """Other keys may open another account at the exchange: what is there is compared at once, not at the next entry."""
    check_want(account.pk, OTHER_KEYS)
    accounts_wake([account.pk])


def check_request(*, account: ExchangeAccount) -> None:
    """Its owner asks for it, whether anything is open or not. Raises ValidationError for an account without keys."""
    if not account.sealed_credentials:
        raise ValidationError({"account": ["Only an account with keys can be compared with its exchange."]})
    with transaction.atomic():
        check_want(account.pk, ASKED)
        accounts_wake([account.pk])
