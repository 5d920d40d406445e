"""No entry after too large a fall from the account's peak; also while it runs."""

from trading.domain.money import average_round, text
from trading.domain.risk.view import Denial, RiskView, Watch, denial


def breach(watch: Watch) -> Denial | None:
    """1 - equity / peak equity must stay below the bot's limit, a fraction. The peak is taken at entry decisions."""
    peak, allowed = watch.peak_equity, watch.bot.plan.max_drawdown
    if peak <= 0:
        return None
    fall = average_round(1 - watch.equity / peak)
    if fall < allowed:
        return None
    reason = f"The account is {text(round(fall * 100, 2))} % below its peak; {text(allowed * 100)} % are allowed."
    return denial("drawdown", reason, drawdown=text(fall), allowed=text(allowed), peak=text(peak))


def check(view: RiskView) -> Denial | None:
    """As `breach`: it is over when the account has recovered, or when its owner has the peak counted anew."""
    return breach(view.watch)
