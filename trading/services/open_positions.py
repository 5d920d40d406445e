"""Moving open positions to a new configuration, when their owner asks for it."""

from trading.models import Bot, BotConfig, Position


def config_apply_to_open(*, bot: Bot, config: BotConfig) -> int:
    """Give the bot's open positions this version; returns how many.

    Only the version is written here: the next run of the account sees the change, records it, and its engine moves
    stops, targets and holding times (so that a replay does the same).
    """
    wanted = [Position.Status.OPENING, Position.Status.OPEN, Position.Status.CLOSING]
    return Position.objects.filter(bot=bot, status__in=wanted).exclude(config=config).update(config=config)
