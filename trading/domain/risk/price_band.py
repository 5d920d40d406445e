"""No entry at a price far from where the signal's candle closed: the market jumped, or the quote is wrong."""

from trading.domain.money import average_round, text
from trading.domain.risk.view import Denial, RiskView, denial, percent


def check(view: RiskView) -> Denial | None:
    """|ask / close - 1| must not be above the bot's limit, a fraction. Without a candle nothing is refused."""
    allowed, close = view.bot.plan.limits.price_band, view.intent.candle_close
    if allowed is None or close is None or close <= 0:
        return None
    away = average_round(abs(view.quote.ask / close - 1))
    if away <= allowed:
        return None
    reason = f"The ask is {percent(away)} away from the last candle's close; {percent(allowed)} are allowed."
    return denial("price_band", reason, ask=text(view.quote.ask), close=text(close), allowed=text(allowed))
