"""No entry after too large a fall from the account's peak."""

from trading.domain.money import average_round, text
from trading.domain.risk.view import Denial, RiskView, denial


def check(view: RiskView) -> Denial | None:
    """1 - equity / peak equity must stay below the bot's limit, a fraction. The peak is taken at entry decisions."""
    peak, allowed = view.peak_equity, view.bot.plan.max_drawdown
    if peak <= 0:
        return None
    fall = average_round(1 - view.equity / peak)
    if fall < allowed:
        return None
    reason = f"The account is {text(round(fall * 100, 2))} % below its peak; {text(allowed * 100)} % are allowed."
    return denial("drawdown", reason, drawdown=text(fall), allowed=text(allowed), peak=text(peak))
