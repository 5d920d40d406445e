"""A bot holds only so many positions at a time."""

from trading.domain.risk.view import Denial, RiskView, denial


def check(view: RiskView) -> Denial | None:
    """Opening ones count."""
    have, allowed = view.bot_positions, view.bot.plan.max_positions
    if have < allowed:
        return None
    return denial("max_positions", f"The bot has {have} of {allowed} positions open.", open=have, allowed=allowed)
