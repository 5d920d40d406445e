"""No entry while a stop is in force, and no signal's entry for a bot that does not run."""

from trading.domain.risk.view import Denial, RiskView, denial
from trading.domain.types import Purpose, StopLevel

NAMES = {1: "no new entries", 2: "reduce only", 3: "flatten"}


def check(view: RiskView) -> Denial | None:
    """A trader may enter by hand with a bot that is not running, but never against a stop."""
    level = view.bot.stop_level
    if level >= StopLevel.NO_NEW_ENTRIES:
        return denial("stop_ladder", f"A stop is in force: {NAMES.get(level, level)}.", level=level)
    if not view.bot.running and view.intent.purpose is not Purpose.MANUAL_ENTRY:
        return denial("stop_ladder", "The bot is not running.", running=False)
    return None
