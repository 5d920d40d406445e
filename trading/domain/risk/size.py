"""The order must be large enough to be bought and to be sold again."""

from trading.domain.money import text
from trading.domain.risk.view import Denial, RiskView, denial
from trading.domain.sizing import size_problem


def check(view: RiskView) -> Denial | None:
    """The exchange's smallest amount and value, with room for the fee and the stop."""
    problem = size_problem(view.sized, view.bot.plan, view.spec)
    if not problem:
        return None
    return denial("size", problem, amount=text(view.sized.amount), cost=text(view.sized.cost))
