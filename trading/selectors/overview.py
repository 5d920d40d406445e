"""What a trader's accounts are worth and how they got there, in parts that add up, with a fixed number of queries.

PnL of a period is the change of the accounts' value with deposits taken out. Realised is the price result of trades
that closed in it, fees are those trades' fees, and unrealised is the rest: `realised + unrealised - fees = pnl` holds
to the last digit by construction.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.db.models import Max

from accounts.clock import now
from accounts.models import ExchangeAccount, User
from signals.quotes import latest_all
from trading.domain.money import average_round, exact
from trading.models import BalanceSnapshot, Bot, Position, TradingStats

ZERO = Decimal(0)
OPEN = (Position.Status.OPENING, Position.Status.OPEN, Position.Status.CLOSING)
PERIODS: tuple[tuple[str, int | None], ...] = (("today", 1), ("week", 7), ("month", 30), ("total", None))


@dataclass(frozen=True, slots=True)
class PeriodResult:
    """One period (UTC days), quote currency: `pnl` = `realised` + `unrealised` - `fees`; `share` of the start value."""

    key: str
    pnl: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    share: Decimal | None


@dataclass(frozen=True, slots=True)
class PositionRow:
    """An open position at the newest bid (None without a price). Money in quote currency, after fees so far."""

    position: Position
    entry: Decimal
    last: Decimal | None
    value: Decimal | None
    pnl: Decimal | None


@dataclass(frozen=True, slots=True)
class BotRow:
    """A bot with its day (UTC) and what it holds."""

    bot: Bot
    today: Decimal
    trades_today: int
    positions: int
    positions_max: int


@dataclass(slots=True)
class Overview:
    """Accounts of one user and one quote currency, summed."""

    accounts: list[ExchangeAccount]
    equity: Decimal = ZERO
    free: Decimal = ZERO
    in_positions: Decimal = ZERO
    net_deposits: Decimal = ZERO
    unpriced: list[str] = field(default_factory=list)
    as_of: datetime | None = None
    periods: list[PeriodResult] = field(default_factory=list)
    positions: list[PositionRow] = field(default_factory=list)
    bots: list[BotRow] = field(default_factory=list)


@exact
def overview_read(*, user: User, account: ExchangeAccount | None = None, quote_currency: str = "USDT") -> Overview:
    """Everything that the overview shows of this user's accounts (or of one account)."""
    rows = ExchangeAccount.objects.filter(user=user, quote_currency=quote_currency)
    rows = rows.filter(pk=account.pk) if account else rows.exclude(status=ExchangeAccount.Status.REMOVED)
    overview = Overview(list(rows))
    newest = _snapshots(overview.accounts, None)
    _worth_add(overview, newest.values())
    stats = list(TradingStats.objects.filter(bot__account__in=overview.accounts))
    overview.periods = _periods(overview, stats)
    overview.positions = positions_read(overview.accounts)
    overview.bots = _bots(overview, stats)
    return overview


def _worth_add(overview: Overview, rows: Iterable[BalanceSnapshot]) -> None:
    for row in rows:
        overview.equity += row.equity
        overview.free += row.free
        overview.in_positions += row.in_positions
        overview.net_deposits += row.net_deposits
        overview.unpriced += row.unpriced
        overview.as_of = row.at if overview.as_of is None else min(overview.as_of, row.at)


def _snapshots(accounts: list[ExchangeAccount], before: datetime | None) -> dict[int, BalanceSnapshot]:
    """The newest snapshot per account (before a moment), with one query."""
    rows = BalanceSnapshot.objects.filter(account__in=accounts)
    rows = rows if before is None else rows.filter(at__lt=before)
    newest = rows.order_by().values("account").annotate(newest=Max("id")).values("newest")
    return {row.account_id: row for row in BalanceSnapshot.objects.filter(pk__in=newest)}


def _periods(overview: Overview, stats: list[TradingStats]) -> list[PeriodResult]:
    today = now().astimezone(UTC).date()
    return [_period(overview, stats, key, today, days) for key, days in PERIODS]


def _period(overview: Overview, stats: list[TradingStats], key: str, today: date, days: int | None) -> PeriodResult:
    first = None if days is None else today - timedelta(days=days - 1)
    start_result, start_value = _start(overview, first)
    pnl = overview.equity - overview.net_deposits - start_result
    rows = [row for row in stats if first is None or row.day >= first]
    fees = sum((row.fees_quote for row in rows), ZERO)
    realised = sum((row.realised_pnl for row in rows), ZERO) + fees
    share = pnl / start_value if start_value > 0 else None
    return PeriodResult(key, pnl, realised, pnl - realised + fees, fees, share)


def _start(overview: Overview, first: date | None) -> tuple[Decimal, Decimal]:
    """Result (value - deposits) and value when the period began; an account that is newer began with its deposits."""
    if first is None:
        return ZERO, overview.net_deposits
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC)
    before = _snapshots(overview.accounts, begin).values()
    result = sum((row.equity - row.net_deposits for row in before), ZERO)
    return result, sum((row.equity for row in before), ZERO) or overview.net_deposits


def positions_read(accounts: Iterable[ExchangeAccount]) -> list[PositionRow]:
    """Open positions of these accounts, newest first, at the newest bids; one query."""
    rows = Position.objects.filter(account__in=list(accounts), status__in=OPEN)
    found = list(rows.select_related("instrument", "bot", "account", "signal__strategy").order_by("-opened_at", "-id"))
    quotes = {exchange: latest_all(exchange) for exchange in {row.account.exchange for row in found}}
    return [_position_row(row, quotes[row.account.exchange].get(row.instrument.symbol)) for row in found]


def _position_row(row: Position, quote: object) -> PositionRow:
    entry = average_round(row.buy_cost / row.bought) if row.bought else ZERO
    bid: Decimal | None = getattr(quote, "bid", None)
    if bid is None:
        return PositionRow(row, entry, None, None, None)
    value = row.amount * bid
    return PositionRow(row, entry, bid, value, row.sell_proceeds + value - row.buy_cost - row.fees_cash)


def _bots(overview: Overview, stats: list[TradingStats]) -> list[BotRow]:
    today = now().astimezone(UTC).date()
    days = {row.bot_id: row for row in stats if row.day == today}
    held: dict[int, list[PositionRow]] = {}
    for row in overview.positions:
        held.setdefault(row.position.bot_id, []).append(row)
    bots = Bot.objects.filter(account__in=overview.accounts, deleted_at=None).select_related("config", "account")
    return [_bot_row(bot, days.get(bot.pk), held.get(bot.pk, [])) for bot in bots]


def _bot_row(bot: Bot, day: TradingStats | None, held: list[PositionRow]) -> BotRow:
    """Today: what closed today, and what is open now."""
    realised = day.realised_pnl if day else ZERO
    open_pnl = sum((row.pnl for row in held if row.pnl is not None), ZERO)
    most = bot.config.max_positions if bot.config else 0
    return BotRow(bot, realised + open_pnl, day.trades if day else 0, len(held), most)
