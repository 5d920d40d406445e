"""An account needs a minimum to trade at all."""

from trading.domain.money import text
from trading.domain.risk.view import Denial, RiskView, denial


def check(view: RiskView) -> Denial | None:
    """Equity of at least the platform's minimum deposit, in the account's quote currency."""
    least = view.limits.minimum_deposit
    if view.equity >= least:
        return None
    have = text(round(view.equity, 2))
    reason = f"The account is worth {have} {view.spec.quote}; at least {text(least)} are needed to trade."
    return denial("minimum_deposit", reason, equity=text(view.equity), minimum=text(least))
