"""Not too much of the account in one coin, over all its bots."""

from trading.domain.limits import ONE
from trading.domain.money import average_round, text
from trading.domain.risk.view import Denial, RiskView, denial, percent


def check(view: RiskView) -> Denial | None:
    """What is held and being bought of the coin, with this entry, as a fraction of equity."""
    allowed = view.limits.coin_exposure
    if allowed >= ONE or view.equity <= 0:
        return None
    share = average_round((view.coin_held + view.sized.cost) / view.equity)
    if share <= allowed:
        return None
    reason = f"{percent(share)} of the account would be in {view.spec.base}; {percent(allowed)} are allowed."
    return denial("coin_exposure", reason, held=text(view.coin_held), share=text(share), allowed=text(allowed))
