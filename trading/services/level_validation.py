"""What a user may ask of trailing, breakeven and steps, and what of it fits together."""

from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any

from accounts.exchanges.quirks import quirks_for
from accounts.fields import decimal_text
from accounts.models import ExchangeAccount
from trading.models import BotConfig
from trading.services.fields import Range, decimal_value

Errors = dict[str, list[str]]
ONE = Decimal(1)
MOST_STEPS = 10
LEVEL_DECIMALS: dict[str, Range] = {
    "trailing": Range(Decimal(0), Decimal("0.5"), "0 for none, else a fraction from 0.0005 to 0.5: 0.01 is 1 %."),
    "trailing_after": Range(Decimal(0), Decimal(1), "A fraction from 0 to 1: 0.005 waits for a gain of 0.5 %."),
    "breakeven_after": Range(Decimal(0), Decimal(1), "0 for none, else a fraction up to 1: 0.005 is a gain of 0.5 %."),
}
LEAST_TRAILING = Decimal("0.0005")
STEP_WORDS = {
    "profit_steps": (
        f"Up to {MOST_STEPS} steps of a gain and a share, such as "
        '[{"gain": "0.01", "share": "0.5"}]: gains rising and below the target, shares of at most 1 together.'
    ),
    "add_steps": (
        f"Up to {MOST_STEPS} steps of a fall and a share of the first entry, such as "
        '[{"fall": "0.01", "share": "1"}]: falls rising and below 1, shares from 0.01 to 10.'
    ),
}
STEP_KEYS = {"profit_steps": "gain", "add_steps": "fall"}
Steps = list[dict[str, str]]
WHERE_WORDS = (
    "Where the exchange can hold a stop, it rests there and sells even while this platform is down; where it can hold "
    "both, the target rests with it. Elsewhere, and steps, are watched here."
)


def steps_parse(name: str, raw: Any) -> Steps:
    """A list of steps with exact numbers as text. Raises ValueError that says what is allowed."""
    words, key = STEP_WORDS[name], STEP_KEYS[name]
    if raw in (None, ""):
        return []
    if not isinstance(raw, list | tuple) or len(raw) > MOST_STEPS:
        raise ValueError(words)
    steps = [_step(one, key, words) for one in raw]
    levels = [Decimal(step[key]) for step in steps]
    shares = [Decimal(step["share"]) for step in steps]
    rising = all(low < high for low, high in pairwise(levels))
    if not rising or any(not 0 < level < 1 for level in levels) or not _shares_right(name, shares):
        raise ValueError(words)
    return steps


def _step(one: Any, key: str, words: str) -> dict[str, str]:
    if not isinstance(one, Mapping) or set(one) != {key, "share"}:
        raise ValueError(words)
    return {name: decimal_text(decimal_value(one[name], words)) for name in (key, "share")}


def _shares_right(name: str, shares: list[Decimal]) -> bool:
    if name == "profit_steps":
        return all(share > 0 for share in shares) and sum(shares) <= 1
    return all(Decimal("0.01") <= share <= 10 for share in shares)


def levels_check(clean: Mapping[str, Any], errors: Errors) -> None:
    """What single fields cannot say: trailing has a least distance, steps lie between stop and target."""
    if "trailing" not in errors and 0 < clean["trailing"] < LEAST_TRAILING:
        errors["trailing"] = [LEVEL_DECIMALS["trailing"].words]
    if not errors.keys() & {"profit_steps", "profit_target"}:
        beyond = [s["gain"] for s in clean["profit_steps"] if Decimal(s["gain"]) >= clean["profit_target"]]
        if beyond:
            errors["profit_steps"] = [
                f"A step at a gain of {_percent(beyond[0])} is never reached: the target of "
                f"{_percent(clean['profit_target'])} sells everything before. Steps lie below the target."
            ]
    if not errors.keys() & {"add_steps", "stop_loss"} and (late := _behind_stop(clean)):
        errors["add_steps"] = [late]


def _behind_stop(clean: Mapping[str, Any]) -> str:
    """The first step in that would come after the stop, counted from the average until then; empty when none does."""
    amount = cost = ONE  # of the first entry, at a price of 1
    for step in clean["add_steps"]:
        price, stop = 1 - Decimal(step["fall"]), cost / amount * (1 - clean["stop_loss"])
        if price <= stop:
            deepest = max((1 - stop) * 100, Decimal(0)).quantize(Decimal("0.01"))
            return (
                f"A step in at a fall of {_percent(step['fall'])} is never reached: the stop sells at a fall of "
                f"{deepest} % from the first entry. Put the step above it, or the stop further away."
            )
        cost, amount = cost + Decimal(step["share"]), amount + Decimal(step["share"]) / price
    return ""


def levels_warnings(clean: Mapping[str, Any], round_trip_fee: Decimal) -> Errors:
    """What is allowed but unlikely to be meant."""
    warnings: Errors = {}
    if 0 < clean["breakeven_after"] <= round_trip_fee:
        warnings["breakeven_after"] = [
            f"Below the round trip's fees of {_percent(round_trip_fee)} there is nothing to cover yet: "
            "the stop moves only once the bid is above the costs."
        ]
    if (account := clean.get("account")) and (words := _stop_words(account, clean["protection"])):
        warnings["protection"] = [words]
    steps = clean["profit_steps"]
    if steps and Decimal(steps[0]["gain"]) <= round_trip_fee:
        warnings["profit_steps"] = [
            f"The first step does not cover the round trip's fees of {_percent(round_trip_fee)}."
        ]
    if clean["add_steps"]:
        factor = sum((Decimal(step["share"]) for step in clean["add_steps"]), ONE)
        warnings["add_steps"] = [
            f"With every step a position costs {decimal_text(factor)} times its first entry, and loses so much more at "
            "its stop."
        ]
    return warnings


def _percent(fraction: Any) -> str:
    return f"{(Decimal(fraction) * 100).normalize():f} %"


def _stop_words(account: ExchangeAccount, protection: str) -> str:
    """What to know of the place where stops wait; empty when they wait where they should."""
    quirks, here = quirks_for(account.exchange), account.mode == ExchangeAccount.Mode.PAPER
    if protection == BotConfig.Protection.EXCHANGE and not here and quirks.stop_create is None:
        return (
            f"{quirks.title} holds no stop for this platform. {quirks.no_stop} It is watched here: while this platform "
            "is down, nothing sells."
        )
    if protection == BotConfig.Protection.PLATFORM and not here:
        what = "the stop" if quirks.pair_create is None else "stop and target"
        can = "" if quirks.stop_create is None else f" {quirks.title} can hold {what}: choose that."
        return f"While this platform is down, nothing sells.{can}"
    return ""
