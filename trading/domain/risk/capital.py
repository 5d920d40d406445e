"""The money must be there, not reserved by other open orders."""

from trading.domain.money import text
from trading.domain.risk.view import Denial, RiskView, denial
from trading.domain.types import ZERO


def check(view: RiskView) -> Denial | None:
    """Free quote currency (balance minus reserves) must cover the order and, to be safe, its taker fee."""
    needed = view.sized.cost * (1 + max(view.spec.taker_fee, ZERO))
    if needed <= view.free:
        return None
    currency = view.spec.quote
    reason = f"{text(round(needed, 2))} {currency} are needed; {text(round(view.free, 2))} {currency} are free."
    return denial("capital", reason, needed=text(needed), free=text(view.free))
