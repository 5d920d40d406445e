"""A bot that lost too much today stops until the next UTC day; also while it runs."""

from trading.domain.limits import ONE
from trading.domain.money import average_round, text
from trading.domain.risk.view import TODAY, Denial, RiskView, Watch, denial, percent


def breach(watch: Watch) -> Denial | None:
    """Its loss of the day, realised and not, must stay below a fraction of the account's equity as the day began."""
    allowed = watch.bot.plan.limits.daily_loss
    if allowed >= ONE or watch.day_equity <= 0:
        return None
    loss = average_round(-watch.bot_day / watch.day_equity)
    if loss < allowed:
        return None
    reason = f"The bot lost {percent(loss)} of the account today (UTC); {percent(allowed)} are allowed."
    return denial("daily_loss", reason, loss=text(-watch.bot_day), share=text(loss), allowed=text(allowed))


def check(view: RiskView) -> Denial | None:
    """Once too much was lost, it holds for the rest of the day."""
    return view.held_by("daily_loss", TODAY) or breach(view.watch)
