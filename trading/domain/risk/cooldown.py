"""A bot leaves a symbol alone for a while after a trade in it, longer after a stop loss."""

from trading.domain.risk.view import Denial, RiskView, denial
from trading.domain.types import Purpose


def check(view: RiskView) -> Denial | None:
    """From the closing of the bot's last trade of the symbol. Entries by hand and steps of a trade do not wait."""
    last = view.last_closing
    if last is None or view.intent.purpose is not Purpose.ENTRY:
        return None
    limits = view.bot.plan.limits
    wait = max(limits.cooldown, limits.stop_cooldown) if last.stopped else limits.cooldown
    left = last.at + wait - view.at
    if left.total_seconds() <= 0:
        return None
    what = "stop loss" if last.stopped else "trade"
    reason = f"The last {what} in {view.spec.symbol} was too short ago: {int(left.total_seconds()) + 1} s are left."
    return denial("cooldown", reason, closed_at=last.at.isoformat(), left_s=int(left.total_seconds()) + 1)
