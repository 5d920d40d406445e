"""Moving open positions to a new configuration, when their owner asks for it."""

from datetime import timedelta
from decimal import ROUND_DOWN, ROUND_UP, Decimal

from trading.models import Bot, BotConfig, Position


def config_apply_to_open(*, bot: Bot, config: BotConfig) -> int:
    """Give the bot's open positions this version: stop, target and holding time follow it. Returns how many."""
    rows = list(
        Position.objects.filter(bot=bot, status__in=[Position.Status.OPENING, Position.Status.OPEN]).select_related(
            "instrument"
        )
    )
    for row in rows:
        row.config = config
        row.hold_until = row.opened_at + timedelta(seconds=config.holding_time_s)
        if row.bought > 0:
            _levels_set(row, row.buy_cost / row.bought)
    Position.objects.bulk_update(rows, ["config", "hold_until", "stop_price", "target_price"])
    return len(rows)


def _levels_set(row: Position, entry: Decimal) -> None:
    """Prices are rounded to the safe side: the stop up, the target down."""
    tick = row.instrument.tick_size
    row.stop_price = _to_tick(entry * (1 - row.config.stop_loss), tick, ROUND_UP)
    row.target_price = _to_tick(entry * (1 + row.config.profit_target), tick, ROUND_DOWN)


def _to_tick(price: Decimal, tick: Decimal, rounding: str) -> Decimal:
    return (price / tick).to_integral_value(rounding=rounding) * tick
