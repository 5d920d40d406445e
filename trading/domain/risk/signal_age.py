"""No entry on an old signal."""

from trading.domain.risk.view import Denial, RiskView, denial
from trading.domain.types import Purpose


def check(view: RiskView) -> Denial | None:
    """The signal's candle must have closed at most so long ago. Entries by hand have no signal."""
    allowed, closed = view.bot.plan.limits.signal_age, view.intent.candle_at
    if allowed is None or closed is None or view.intent.purpose is Purpose.MANUAL_ENTRY:
        return None
    age = view.at - closed
    if age <= allowed:
        return None
    seconds, most = int(age.total_seconds()), int(allowed.total_seconds())
    reason = f"The signal's candle closed {seconds} s ago; {most} s are allowed."
    return denial("signal_age", reason, age_s=seconds, allowed_s=most)
