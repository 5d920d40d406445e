"""All bots of the platform together take only so much of a pair."""

from trading.domain.money import text
from trading.domain.risk.view import Denial, RiskView, denial
from trading.domain.sizing import whole_cost


def check(view: RiskView) -> Denial | None:
    """What the pair has left for the entry with all its steps was looked up, and taken where it suffices, just before.

    A step in was taken with its entry.
    """
    left, needed = view.intent.capacity, whole_cost(view.sized, view.bot.plan)
    if left is None or needed <= left:
        return None
    reason = (
        f"The bots of this platform may together take {text(round(left, 2))} {view.spec.quote} more of "
        f"{view.spec.symbol}; this entry needs {text(round(needed, 2))}."
    )
    return denial("capacity", reason, left=text(left), needed=text(needed))
