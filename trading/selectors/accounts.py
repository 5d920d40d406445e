"""A user's accounts with their newest value, the value their day (UTC) began with, and their exchange's state."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import OuterRef, Subquery

from accounts.clock import now
from accounts.exchanges.budget import ban_ends
from accounts.models import ExchangeAccount, User
from signals.models import ExchangeState
from trading.models import AccountCheck, AccountLease, BalanceSnapshot, OddFee, QuarantinedAnswer
from trading.selectors.deposit import Market, amounts_of
from trading.selectors.odd_fees import fees_open
from trading.selectors.standing import prices_problems
from trading.selectors.worth import flow_waits

STALE_AFTER_S = 15
CHECK_SHOWN = timedelta(days=2)  # what a comparison found is shown beside the account for so long


@dataclass(frozen=True, slots=True)
class Comparison:
    """How an account stands against its exchange: from when on a comparison waits (None: none does), when the last one
    was, and the last one that found something lately."""

    account: ExchangeAccount
    wanted_at: datetime | None
    checked_at: datetime | None
    found: AccountCheck | None


def day_start(moment: datetime | None = None) -> datetime:
    """Midnight UTC of a moment: where 'today' begins for risk and statistics."""
    return (moment or now()).replace(hour=0, minute=0, second=0, microsecond=0)


def accounts_read(user: User) -> list[ExchangeAccount]:
    """The user's accounts that were not removed, oldest first; two queries.

    Each carries `equity_now` and `in_positions_now` (balances at the newest bids, else the newest snapshot),
    `deposits_now` (newest snapshot), `equity_before` and `deposits_before` (last snapshot of an earlier day),
    `exchange_connection` and `exchange_event_at`; None if missing.
    """
    snapshots = BalanceSnapshot.objects.filter(account=OuterRef("pk")).order_by("-at", "-id")
    before = snapshots.filter(at__lt=day_start())
    state = ExchangeState.objects.filter(exchange=OuterRef("exchange"))
    rows = ExchangeAccount.objects.filter(user=user).exclude(status=ExchangeAccount.Status.REMOVED)
    found: list[Any] = list(
        rows.annotate(
            equity_now=Subquery(snapshots.values("equity")[:1]),
            deposits_now=Subquery(snapshots.values("net_deposits")[:1]),
            in_positions_now=Subquery(snapshots.values("in_positions")[:1]),
            equity_before=Subquery(before.values("equity")[:1]),
            deposits_before=Subquery(before.values("net_deposits")[:1]),
            flow_waits=flow_waits(),
            exchange_connection=Subquery(state.values("connection")[:1]),
            exchange_event_at=Subquery(state.values("last_event_at")[:1]),
        ).order_by("pk")
    )
    _price(found)
    return found


def checks_attach(accounts: list[Any]) -> None:
    """What its exchange said lately: `last_check`, the last comparison that found something, and `odd_answer`, the
    last answer that was not acted on; None where there is none. `waits`: why nothing comes of its bots, or empty.
    `open_fees`: fees above a tenth of their trade that wait to be accepted, or to be booked since."""
    newest = AccountCheck.objects.filter(account__in=accounts).order_by("account", "-at", "-id")
    last: dict[int, AccountCheck] = {}
    for row in newest.filter(at__gte=now() - CHECK_SHOWN):
        last.setdefault(row.account_id, row)
    odd: dict[int, QuarantinedAnswer] = {}
    for answer in QuarantinedAnswer.objects.filter(account__in=accounts, last_at__gte=now() - CHECK_SHOWN):
        odd.setdefault(answer.account_id, answer)
    fees: dict[int, list[OddFee]] = defaultdict(list)
    for fee in fees_open().filter(account__in=accounts).select_related("accepted_by"):
        fees[fee.account_id].append(fee)
    waits = prices_problems(account.exchange for account in accounts)
    for account in accounts:
        account.last_check, account.odd_answer = last.get(account.pk), odd.get(account.pk)
        account.waits = barred(account) or waits[account.exchange]
        account.open_fees = fees[account.pk]


def barred(account: ExchangeAccount) -> str:
    """That the exchange has asked us to wait, and how long; empty when it has not, and for play money."""
    if account.mode == ExchangeAccount.Mode.PAPER:
        return ""
    ends = ban_ends(account.exchange, testnet=account.mode == ExchangeAccount.Mode.TESTNET, account_id=account.pk)
    if ends is None:
        return ""
    left = max((ends - now()).total_seconds(), 1)
    return (
        f"{account.get_exchange_display()} asked us to wait: nothing is sent to it for another {left:.0f} s. Orders and"
        " cancels go on after that."
    )


def comparison_read(account: ExchangeAccount) -> Comparison:
    """The state of an account's comparisons; asks no exchange."""
    checked_at: datetime | None = account.last_checked_at
    wanted_at = AccountLease.objects.filter(account=account).values_list("check_wanted_at", flat=True).first()
    if wanted_at and checked_at and wanted_at <= checked_at:
        wanted_at = None
    found = AccountCheck.objects.filter(account=account, at__gte=now() - CHECK_SHOWN).order_by("-at", "-id").first()
    return Comparison(account, wanted_at, checked_at, found)


def _price(accounts: list[Any]) -> None:
    """Value the balances at the newest quotes; without a snapshot, with a quote missing, or while a deposit is not yet
    counted an account stays as it is."""
    amounts, market = amounts_of(accounts), Market()
    for account in accounts:
        if account.equity_now is None or account.flow_waits or account.quote_currency not in amounts[account.pk]:
            continue
        found = market.value(account, amounts[account.pk])
        if not found.waits:
            account.equity_now, account.in_positions_now = found.equity, found.in_coins


def value_last(account: ExchangeAccount) -> Decimal | None:
    """The last stored value of an account in its quote currency; the play money of a paper account that never traded,
    None for any other that was never read."""
    rows = BalanceSnapshot.objects.filter(account=account).order_by("-at", "-id")
    newest = rows.values_list("equity", flat=True).first()
    if newest is None and account.mode == ExchangeAccount.Mode.PAPER:
        return Decimal(account.paper_start_balance)
    return newest


def today_base_of(account: Any) -> Decimal | None:
    """What today's result is counted from: value - base = result since midnight UTC, deposits taken out."""
    if account.equity_now is None:
        return None
    if account.equity_before is None:  # younger than a day: it began with what was paid in
        return account.deposits_now  # type: ignore[no-any-return]
    return account.equity_before + account.deposits_now - account.deposits_before  # type: ignore[no-any-return]


def connection_state(connection: str | None, last_event_at: datetime | None) -> str:
    """live, stale or down, from what the streams wrote and the age of the newest event."""
    if connection not in ("live", "stale") or last_event_at is None:
        return "down"
    return "live" if (now() - last_event_at).total_seconds() <= STALE_AFTER_S else "stale"
