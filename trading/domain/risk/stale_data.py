"""No entries while a coin that is held shows no price; also while it runs.

It never sells: there is no price to sell at.
"""

from trading.domain.risk.view import Denial, RiskView, Watch, denial


def breach(watch: Watch) -> Denial | None:
    """How long a symbol of any open position of the account may be without a price."""
    allowed = watch.bot.plan.limits.stale_after
    if allowed is None or not watch.unseen_symbol or watch.unseen <= allowed:
        return None
    seconds, most = int(watch.unseen.total_seconds()), int(allowed.total_seconds())
    reason = f"{watch.unseen_symbol}, which is held, shows no price for {seconds} s; {most} s are allowed."
    return denial("stale_data", reason, symbol=watch.unseen_symbol, unseen_s=seconds, allowed_s=most)


def check(view: RiskView) -> Denial | None:
    """As `breach`: it is over when the price is back."""
    return breach(view.watch)
