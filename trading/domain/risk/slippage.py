"""No entry that would move the price too far."""

from decimal import Decimal

from trading.domain.money import average_round, text
from trading.domain.risk.view import Denial, RiskView, denial, percent
from trading.domain.types import InstrumentSpec, OrderType, Quote


def expected(amount: Decimal, quote: Quote, spec: InstrumentSpec) -> Decimal | None:
    """How much above the ask, as a fraction of it, an order at market would pay on average; None: no size is shown.

    Only the best level is visible. Behind it, the book is taken to hold as much again at each further spread (at least
    a tick): a stated guess, which is why it only refuses.
    """
    if quote.ask_size <= 0:
        return None
    levels = amount / quote.ask_size
    whole = int(levels)
    steps = Decimal(whole * (whole - 1)) / 2 + whole * (levels - whole)
    step = max(quote.ask - quote.bid, spec.tick_size)
    return average_round(step * steps / levels / quote.ask) if levels > 1 else Decimal(0)


def check(view: RiskView) -> Denial | None:
    """Expected slippage of an order at market must not be above the bot's limit, a fraction."""
    allowed = view.bot.plan.limits.max_slippage
    if allowed is None or view.sized.type is not OrderType.MARKET:
        return None
    slip = expected(view.sized.amount, view.quote, view.spec)
    if slip is None or slip <= allowed:
        return None
    seen = text(view.quote.ask_size)
    reason = (
        f"{text(view.sized.amount)} {view.spec.base} would be bought about {percent(slip, 3)} above the ask "
        f"({seen} are on offer there); {percent(allowed, 3)} are allowed."
    )
    return denial("slippage", reason, expected=text(slip), allowed=text(allowed), visible=seen)
