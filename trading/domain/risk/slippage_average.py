"""A bot whose last fills were much worse than what it decided on pauses."""

from collections.abc import Sequence
from decimal import Decimal

from trading.domain.money import average_round, text
from trading.domain.risk.view import Denial, RiskView, denial, percent
from trading.domain.types import BotState

FILLS = 10  # so many are averaged


def breach(bot: BotState, slips: Sequence[Decimal]) -> Denial | None:
    """Asked at a fill at market: `slips` are fractions by which the last ten were worse than the price decided on."""
    allowed = bot.plan.limits.max_slippage
    if allowed is None or len(slips) < FILLS:
        return None
    average = average_round(sum(slips, Decimal(0)) / len(slips))
    if average <= allowed:
        return None
    worse, most = percent(average, 3), percent(allowed, 3)
    reason = f"The last {len(slips)} fills were {worse} worse than decided on average; {most} are allowed."
    return denial("slippage_average", reason, average=text(average), allowed=text(allowed), fills=len(slips))


def check(view: RiskView) -> Denial | None:
    """While the pause lasts."""
    return view.held_by("slippage_average")
