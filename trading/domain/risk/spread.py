"""No entry into a wide market."""

from trading.domain.money import average_round, text
from trading.domain.risk.view import Denial, RiskView, denial


def check(view: RiskView) -> Denial | None:
    """(ask - bid) / mid must not be above the bot's limit, a fraction."""
    quote, allowed = view.quote, view.bot.plan.max_spread
    wide = average_round((quote.ask - quote.bid) * 2 / (quote.ask + quote.bid))
    if wide <= allowed:
        return None
    reason = f"The spread is {text(round(wide * 100, 3))} %; {text(allowed * 100)} % are allowed."
    return denial("spread", reason, spread=text(wide), allowed=text(allowed))
