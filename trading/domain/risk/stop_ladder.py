"""No entry while a stop is in force, and no signal's entry for a bot that does not run."""

from trading.domain.risk.view import Denial, RiskView, denial
from trading.domain.types import BotState, Purpose, StopLevel

NAMES = {1: "no new entries", 2: "reduce only", 3: "flatten"}


def held(bot: BotState) -> str:
    """Why a bot may not enter, in words: its account may not trade, or a stop is in force. Empty when it may."""
    if bot.stop_level < StopLevel.NO_NEW_ENTRIES:
        return ""
    return bot.barred or f"A stop is in force: {NAMES.get(bot.stop_level, bot.stop_level)}."


def check(view: RiskView) -> Denial | None:
    """A trader may enter by hand with a bot that is not running, but never against a stop."""
    if why := held(view.bot):
        return denial("stop_ladder", why, level=view.bot.stop_level)
    if not view.bot.running and view.intent.purpose is not Purpose.MANUAL_ENTRY:
        return denial("stop_ladder", "The bot is not running.", running=False)
    return None
