"""One account's deposit for people and programs: value, tokens, profit apart from what was paid in, and returns."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.models import ExchangeAccount
from trading.domain.deposit.returns import period_return
from trading.models import BalanceSnapshot, LedgerEntry
from trading.selectors.deposit import Market, line_stored
from trading.selectors.equity import RANGES, thinned
from trading.selectors.worth import FLOWS, worth_of

PERIODS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}
MOVES = 200  # the newest deposits and withdrawals that a chart marks


@dataclass(frozen=True, slots=True)
class Deposit:
    """Money in `currency`. `stale`: not all prices are there, so this is the last known value, of `at`.

    `lines` are tokens with a value, the largest first; `unpriced` those without. `returns` are time-weighted, by
    period, as fractions. `priced_at` is the age of the oldest price in it. `unread` says in words why nothing is known
    yet; all amounts are then None and there are no returns, for nobody knows that they are zero.
    """

    account: ExchangeAccount
    currency: str
    at: datetime
    priced_at: datetime
    stale: bool
    equity: Decimal | None
    free: Decimal | None
    net_deposits: Decimal | None
    lines: list[dict[str, Any]]
    unpriced: list[dict[str, Any]]
    returns: dict[str, Decimal | None]
    unread: str = ""

    @property
    def profit(self) -> Decimal | None:
        """What the account has made, deposits and withdrawals taken out."""
        return None if self.equity is None or self.net_deposits is None else self.equity - self.net_deposits

    @property
    def current(self) -> bool:
        """Whether this is the value now."""
        return not (self.stale or self.unread)


def deposit_read(account: ExchangeAccount) -> Deposit:
    """The deposit now, or the last known one while a token waits for a quote. Seven queries; no request."""
    market = Market()
    worth = worth_of([account], market)[account.pk]
    before, found = worth.before, worth.valuation
    if before is None and not found.lines and (why := _unread(account)):
        return _nothing(account, market.at, why)
    if found.waits and before is not None:
        at, equity, free, net, growth = before.at, before.equity, before.free, before.net_deposits, before.growth
        lines, stale = list(before.lines), True
    else:
        at, equity, free, net, growth = market.at, worth.equity, worth.free, worth.net_deposits, worth.growth
        lines, stale = [line_stored(line) for line in found.lines], False
    priced = [line for line in lines if line["value"] is not None]
    ages = [datetime.fromisoformat(line["at"]) for line in priced if line["at"]]
    return Deposit(
        account=account,
        currency=account.quote_currency,
        at=at,
        priced_at=min(ages, default=at),
        stale=stale,
        equity=equity,
        free=free,
        net_deposits=net,
        lines=priced,
        unpriced=[line for line in lines if line["value"] is None],
        returns=_returns(account, growth, market.at),
    )


def _unread(account: ExchangeAccount) -> str:
    """Why an account without a balance is not known to be empty."""
    if account.mode == ExchangeAccount.Mode.PAPER:
        return "A paper account receives its play money when its first bot starts."
    if account.last_checked_at:
        return ""
    return (
        f"What it holds at {account.get_exchange_display()} was never read: it is once its keys are verified and a bot "
        "runs, or when you press 'Compare now' on the exchange accounts page."
    )


def _nothing(account: ExchangeAccount, at: datetime, why: str) -> Deposit:
    return Deposit(
        account=account,
        currency=account.quote_currency,
        at=at,
        priced_at=at,
        stale=False,
        equity=None,
        free=None,
        net_deposits=None,
        lines=[],
        unpriced=[],
        returns=dict.fromkeys((*PERIODS, "all")),
        unread=why,
    )


def _returns(account: ExchangeAccount, growth: Decimal, moment: datetime) -> dict[str, Decimal | None]:
    """A younger account's return of a period is that since its first snapshot."""
    rows: Any = BalanceSnapshot.objects.filter(account=account, ledger_seen__isnull=False).order_by("-at", "-id")
    growths = rows.values_list("growth", flat=True)
    starts = {name: growths.filter(at__lte=moment - length).first() for name, length in PERIODS.items()}
    return {
        **{name: period_return(Decimal(start or 1), growth) for name, start in starts.items()},
        "all": period_return(Decimal(1), growth),
    }


def history_read(account: ExchangeAccount, name: str = "all") -> dict[str, Any]:
    """Points of the value over a range (thinned to what a chart shows), and the deposits and withdrawals within."""
    rows = BalanceSnapshot.objects.filter(account=account)
    length = RANGES.get(name)
    moves = LedgerEntry.objects.filter(account=account, kind__in=FLOWS)
    if length is not None:
        since = Market().at - length
        rows, moves = rows.filter(at__gte=since), moves.filter(at__gte=since)
    points = [dict(zip(("at", "equity", "net_deposits"), point, strict=True)) for point in thinned(rows)]
    newest = moves.order_by("-at", "-id").values("at", "currency", "amount", "kind")[:MOVES]
    return {"currency": account.quote_currency, "points": points, "moves": list(newest)[::-1]}
