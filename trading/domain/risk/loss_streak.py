"""A bot that lost several trades in a row pauses."""

from trading.domain.risk.view import Denial, RiskView, denial
from trading.domain.types import BotState


def breach(bot: BotState, losses: int) -> Denial | None:
    """Asked when a trade closed: `losses` is how many in a row lost money after fees."""
    allowed = bot.plan.limits.loss_streak
    if not allowed or losses < allowed:
        return None
    minutes = round(bot.plan.limits.pause.total_seconds() / 60, 1)
    reason = f"{losses} trades in a row lost money: the bot pauses for {minutes:g} min."
    return denial("loss_streak", reason, losses=losses, allowed=allowed)


def check(view: RiskView) -> Denial | None:
    """While the pause lasts."""
    return view.held_by("loss_streak")
