"""Ranges of a bot's sizing and limits, in words (see `bot_validation`, which checks them)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from trading.models import BotConfig, OnBreach
from trading.selectors.accounts import value_last
from trading.services.fields import Range

FAR_ABOVE = 2  # times the account's value that all positions together may cost before it is said
_SECONDS = "Whole seconds from 0 to 604800 (7 days); 0 means none."
DECIMALS: dict[str, Range] = {
    "equity_share": Range(Decimal("0.0001"), Decimal(1), "A fraction from 0.0001 to 1: 0.02 is 2 % of the account."),
    "risk_per_trade": Range(Decimal("0.0001"), Decimal("0.1"), "A fraction from 0.0001 to 0.1: 0.005 is 0.5 %."),
    "daily_loss": Range(Decimal("0.001"), Decimal(1), "A fraction from 0.001 to 1: 0.10 is 10 %. 1 means no limit."),
    "max_slippage": Range(
        Decimal("0.00001"), Decimal(1), "A fraction from 0.00001 to 1: 0.005 is 0.5 %. 1 means no limit."
    ),
    "price_band": Range(Decimal("0.0001"), Decimal(1), "A fraction from 0.0001 to 1: 0.05 is 5 %. 1 means no limit."),
}
INTEGERS: dict[str, Range] = {
    "loss_streak": Range(Decimal(0), Decimal(100), "A whole number from 0 to 100; 0 means no limit."),
    "pause_s": Range(Decimal(0), Decimal(604_800), _SECONDS),
    "cooldown_s": Range(Decimal(0), Decimal(604_800), _SECONDS),
    "stop_cooldown_s": Range(Decimal(0), Decimal(604_800), _SECONDS),
    "signal_age_s": Range(
        Decimal(0), Decimal(604_800), "Whole seconds from 0 to 604800; 0 means one candle, after which it expires."
    ),
    "orders_per_minute": Range(Decimal(0), Decimal(1000), "A whole number from 0 to 1000; 0 means no limit."),
    "stale_after_s": Range(Decimal(0), Decimal(86_400), "Whole seconds from 0 to 86400 (a day); 0 means no limit."),
}
CHOICES: dict[str, list[str]] = {"sizing": list(BotConfig.Sizing.values), "on_breach": list(OnBreach.values)}


def limits_warnings(clean: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is allowed but unlikely to be meant, per field."""
    warnings: dict[str, list[str]] = {}
    if clean["loss_streak"] and not clean["pause_s"]:
        warnings["loss_streak"] = ["Without a pause nothing happens after a loss streak: set how long it lasts."]
    if clean["daily_loss"] > clean["max_drawdown"] and clean["daily_loss"] < 1:
        warnings["daily_loss"] = ["The drawdown limit is tighter: it stops the bot before the day's loss does."]
    return warnings


def capital_warnings(clean: Mapping[str, Any]) -> dict[str, list[str]]:
    """A fixed amount that the account cannot pay, or far more at once than it is worth: such entries are refused."""
    account, value = clean["account"], value_last(clean["account"])
    if value is None or clean["sizing"] != BotConfig.Sizing.FIXED:
        return {}
    one = clean["capital_per_trade"] * (1 + sum((Decimal(step["share"]) for step in clean["add_steps"]), Decimal(0)))
    every, many = one * clean["max_positions"], clean["max_positions"]
    worth = f"the account is worth {value:,.2f} {account.quote_currency}"
    if one > value:
        steps = " with its steps in" if clean["add_steps"] else ""
        words = f"A trade of {one:,.2f}{steps} cannot be paid: {worth}. Every entry would be refused."
    elif every > FAR_ABOVE * value:
        words = f"{many} such trades come to {every:,.2f}, and {worth}: entries that it cannot pay are refused."
    else:
        return {}
    return {"capital_per_trade": [words]}
