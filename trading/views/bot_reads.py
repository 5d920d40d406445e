"""Bots as cards: status, today's result, the last 7 days as a line, positions in use, last decision."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db.models import Count, Q

from accounts.models import User
from trading.models import Bot, Position
from trading.views.positions import OPEN
from trading.views.scope import day_start

ZERO = Decimal(0)
WIDTH, HEIGHT = 96, 28


@dataclass(frozen=True, slots=True)
class BotCard:
    """One bot; `today` and `week` are realised results after fees, in quote currency.

    `trades` and `wins` count what was closed in 7 days, `path` draws the running sum of their results.
    """

    bot: Bot
    today: Decimal
    week: Decimal
    trades: int
    wins: int
    open_positions: int
    path: str


def bot_cards(user: User) -> list[BotCard]:
    """The user's bots that were not deleted, running ones first. Two queries."""
    bots = (
        Bot.objects.filter(user=user, deleted_at=None)
        .select_related("account", "config__strategy")
        .annotate(held=Count("positions", filter=Q(positions__status__in=OPEN)))
    )
    results = _results(user)
    order = {"running": 0, "paused": 1, "stopped": 2}
    return [_card(bot, results[bot.pk]) for bot in sorted(bots, key=lambda bot: (order.get(bot.status, 3), bot.pk))]


def sparkline(values: list[Decimal]) -> str:
    """SVG path of a line through the values in a box of 96 by 28."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    height = high - low or Decimal(1)
    step = Decimal(WIDTH) / (len(values) - 1)
    places = [(step * index, 26 - (value - low) / height * 24) for index, value in enumerate(values)]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)


def _results(user: User) -> dict[int, list[tuple[object, Decimal]]]:
    found: dict[int, list[tuple[object, Decimal]]] = defaultdict(list)
    begin = day_start() - timedelta(days=6)
    closed = Position.objects.filter(bot__user=user, status=Position.Status.CLOSED, closed_at__gte=begin)
    for bot_id, at, pnl in closed.order_by("closed_at").values_list("bot_id", "closed_at", "realised_pnl"):
        found[bot_id].append((at, pnl))
    return found


def _card(bot: Bot, results: list[tuple[object, Decimal]]) -> BotCard:
    today = day_start()
    sums = [ZERO]
    for _at, pnl in results:
        sums.append(sums[-1] + pnl)
    return BotCard(
        bot=bot,
        today=sum((pnl for at, pnl in results if at >= today), ZERO),  # type: ignore[operator]
        week=sums[-1],
        trades=len(results),
        wins=sum(1 for _at, pnl in results if pnl > 0),
        open_positions=bot.held,  # type: ignore[attr-defined]
        path=sparkline(sums[-120:]),
    )
