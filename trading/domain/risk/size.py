"""The order must be large enough to be bought and to be sold again."""

from trading.domain.money import text
from trading.domain.risk.view import Denial, RiskView, denial
from trading.domain.sizing import size_problem, steps_problem
from trading.domain.types import Purpose


def check(view: RiskView) -> Denial | None:
    """The exchange's smallest amount and value, with room for the fee and the stop; the same for each step."""
    problem = size_problem(view.sized, view.bot.plan, view.spec)
    if not problem and view.intent.purpose is not Purpose.ADD:
        problem = steps_problem(view.sized, view.bot.plan, view.spec)
    if not problem:
        return None
    return denial("size", problem, amount=text(view.sized.amount), cost=text(view.sized.cost))
