"""Not too much of the account in coins that move together, over all its bots."""

from trading.domain.limits import ONE
from trading.domain.money import average_round, text
from trading.domain.risk.view import Denial, RiskView, denial, percent


def check(view: RiskView) -> Denial | None:
    """What is held and being bought of the coin's group, with this entry, as a fraction of equity."""
    allowed = view.limits.group_exposure
    if allowed >= ONE or view.equity <= 0 or not view.spec.group:
        return None
    share = average_round((view.group_held + view.sized.cost) / view.equity)
    if share <= allowed:
        return None
    reason = f"{percent(share)} of the account would move with {view.spec.group}; {percent(allowed)} are allowed."
    return denial("group_exposure", reason, held=text(view.group_held), share=text(share), allowed=text(allowed))
