"""Not more than so many orders a minute, of the bot and of the account."""

from trading.domain.risk.view import Denial, RiskView, denial


def check(view: RiskView) -> Denial | None:
    """Orders of every kind that were placed in the 60 s before count; only entries are refused."""
    for whose, have, allowed in (
        ("bot", view.bot_orders, view.bot.plan.limits.orders_per_minute),
        ("account", view.account_orders, view.limits.orders_per_minute),
    ):
        if allowed and have >= allowed:
            reason = f"The {whose} has placed {have} orders within a minute; {allowed} are allowed."
            return denial("order_rate", reason, whose=whose, orders=have, allowed=allowed)
    return None
