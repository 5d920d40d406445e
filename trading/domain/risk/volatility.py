"""An entry that is sized by volatility needs to know it."""

from trading.domain.risk.view import Denial, RiskView, denial
from trading.domain.types import Sizing


def check(view: RiskView) -> Denial | None:
    """Refuses while the mean range of the symbol's candles is not known; an amount given by hand needs none."""
    plan, intent = view.bot.plan, view.intent
    if plan.limits.sizing is not Sizing.VOLATILITY or intent.amount_quote is not None or intent.volatility is not None:
        return None
    return denial("volatility", f"The volatility of {view.spec.symbol} is not known yet, and the size follows it.")
