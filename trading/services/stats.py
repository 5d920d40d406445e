"""Daily statistics of a bot (UTC days), worked out again from its closed trades whenever one closes."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from accounts.clock import now
from trading.domain.money import exact
from trading.models import Position, TradingStats


@exact
def stats_update(*, bot_id: int, day: date) -> TradingStats:
    """Set the bot's row of that day from the trades that closed in it (safe to repeat)."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    closed = Position.objects.filter(
        bot_id=bot_id, status=Position.Status.CLOSED, closed_at__gte=begin, closed_at__lt=begin + timedelta(days=1)
    )
    rows = list(closed.values_list("realised_pnl", "fees_quote", "buy_cost", "sell_proceeds"))
    zero = Decimal(0)
    values = {
        "trades": len(rows),
        "wins": sum(1 for row in rows if row[0] > 0),
        "losses": sum(1 for row in rows if row[0] < 0),
        "realised_pnl": sum((row[0] for row in rows), zero),
        "fees_quote": sum((row[1] for row in rows), zero),
        "turnover": sum((row[2] + row[3] for row in rows), zero),
        "updated_at": now(),
    }
    stats, _created = TradingStats.objects.update_or_create(bot_id=bot_id, day=day, defaults=values)
    return stats
