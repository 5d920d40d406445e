"""An account that lost too much today stops until the next UTC day; also while it runs."""

from trading.domain.limits import ONE
from trading.domain.money import average_round, text
from trading.domain.risk.view import TODAY, Denial, RiskView, Watch, denial, percent


def breach(watch: Watch) -> Denial | None:
    """The loss of the day of all its bots, realised and not, as a fraction of its equity as the day began."""
    allowed = watch.limits.daily_loss
    if allowed >= ONE or watch.day_equity <= 0:
        return None
    loss = average_round(-watch.account_day / watch.day_equity)
    if loss < allowed:
        return None
    reason = f"All bots together lost {percent(loss)} of the account today (UTC); {percent(allowed)} are allowed."
    return denial("account_loss", reason, loss=text(-watch.account_day), share=text(loss), allowed=text(allowed))


def check(view: RiskView) -> Denial | None:
    """Once too much was lost, it holds for the rest of the day."""
    return view.held_by("account_loss", TODAY) or breach(view.watch)
