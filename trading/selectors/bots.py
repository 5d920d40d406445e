"""Bots as cards: status, today's result, the last 7 days as a line, positions in use, last decision."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from django.db.models import Count, Q

from accounts.models import ExchangeAccount, User
from trading.domain.money import exact
from trading.models import Bot, Position, TradingStats
from trading.selectors.accounts import day_start
from trading.selectors.positions import OPEN
from trading.selectors.standing import prices_problems

ZERO = Decimal(0)
WIDTH, HEIGHT = 96, 28
POINTS = 120


@dataclass(frozen=True, slots=True)
class BotCard:
    """One bot; `today` and `week` are realised results after fees, in quote currency.

    `trades` and `wins` count what was closed in 7 days, `path` draws the running sum of their results: one point a
    closed day, then one a trade of today. `waits` says why nothing can come of it (no prices are read); else empty.
    """

    bot: Bot
    today: Decimal
    week: Decimal
    trades: int
    wins: int
    open_positions: int
    path: str
    waits: str = ""


@dataclass(slots=True)
class Week:
    """Net results of one bot: of the six days before today, and of each trade of today."""

    days: list[Decimal] = field(default_factory=list)
    today: list[Decimal] = field(default_factory=list)
    trades: int = 0
    wins: int = 0


@exact
def bot_cards(user: User) -> list[BotCard]:
    """The user's bots that were not deleted, running ones first. Three queries, one more an exchange not scanned."""
    bots = (
        Bot.objects.filter(user=user, deleted_at=None)
        .select_related("account", "config__strategy")
        .annotate(held=Count("positions", filter=Q(positions__status__in=OPEN)))
    )
    weeks = _weeks(user)
    order = {"running": 0, "paused": 1, "stopped": 2}
    ordered = sorted(bots, key=lambda bot: (order.get(bot.status, 3), bot.pk))
    waits = prices_problems(bot.account.exchange for bot in ordered)
    return [_card(bot, weeks[bot.pk], waits[bot.account.exchange]) for bot in ordered]


def drawdown_limit_of(account: ExchangeAccount) -> Decimal | None:
    """The tightest drawdown limit of the account's bots, a fraction; None without bots."""
    bots = account.bots.filter(deleted_at=None).exclude(config=None)
    return min(bots.values_list("config__max_drawdown", flat=True), default=None)


def sparkline(values: list[Decimal]) -> str:
    """SVG path of a line through the values in a box of 96 by 28."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    height = high - low or Decimal(1)
    step = Decimal(WIDTH) / (len(values) - 1)
    places = [(step * index, 26 - (value - low) / height * 24) for index, value in enumerate(values)]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)


def _weeks(user: User) -> dict[int, Week]:
    """Closed days from the statistics, today from its trades."""
    found: dict[int, Week] = defaultdict(Week)
    today = day_start()
    stats = TradingStats.objects.filter(
        bot__user=user, bot__deleted_at=None, day__lt=today.date(), day__gte=(today - timedelta(days=6)).date()
    )
    for row in stats.order_by("day"):
        week = found[row.bot_id]
        week.days.append(row.realised_pnl)
        week.trades, week.wins = week.trades + row.trades, week.wins + row.wins
    closed = Position.objects.filter(bot__user=user, status=Position.Status.CLOSED, closed_at__gte=today)
    for bot_id, pnl in closed.order_by("closed_at", "id").values_list("bot_id", "realised_pnl"):
        week = found[bot_id]
        week.today.append(pnl)
        week.trades, week.wins = week.trades + 1, week.wins + (pnl > 0)
    return found


def _card(bot: Bot, week: Week, waits: str) -> BotCard:
    sums = _running([*week.days, *week.today])
    return BotCard(
        bot=bot,
        today=sum(week.today, ZERO),
        week=sums[-1],
        trades=week.trades,
        wins=week.wins,
        open_positions=bot.held,  # type: ignore[attr-defined]
        path=sparkline(sums[-POINTS:]),
        waits=waits,
    )


def _running(values: Iterable[Decimal]) -> list[Decimal]:
    sums = [ZERO]
    for value in values:
        sums.append(sums[-1] + value)
    return sums
