"""An account needs a minimum to trade at all."""

from decimal import Decimal

from trading.domain.money import text
from trading.domain.risk.view import Denial, RiskView, denial

MINIMUM_DEPOSIT = Decimal(10)


def check(view: RiskView) -> Denial | None:
    """Equity of at least 10 in the account's quote currency."""
    if view.equity >= MINIMUM_DEPOSIT:
        return None
    have = text(round(view.equity, 2))
    reason = f"The account is worth {have} {view.spec.quote}; at least {MINIMUM_DEPOSIT} are needed to trade."
    return denial("minimum_deposit", reason, equity=text(view.equity), minimum=MINIMUM_DEPOSIT)
