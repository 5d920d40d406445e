"""A bot holds an instrument once."""

from trading.domain.risk.view import Denial, RiskView, denial


def check(view: RiskView) -> Denial | None:
    """Opening, open and closing positions all count."""
    if not view.has_position:
        return None
    return denial("one_position", f"The bot already has a position in {view.spec.symbol}.", symbol=view.spec.symbol)
