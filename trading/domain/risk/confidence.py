"""The signal must be as sure as the bot asks."""

from trading.domain.money import text
from trading.domain.risk.view import Denial, RiskView, denial
from trading.domain.types import Purpose


def check(view: RiskView) -> Denial | None:
    """Manual entries need no confidence."""
    asked, given = view.bot.plan.confidence_threshold, view.intent.confidence
    if view.intent.purpose is Purpose.MANUAL_ENTRY or given >= asked:
        return None
    reason = f"Confidence {text(given)} is below the bot's threshold {text(asked)}."
    return denial("confidence", reason, confidence=text(given), threshold=text(asked))
