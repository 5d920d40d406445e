"""The one place where a bot's configuration is checked, for forms, API and commands alike.

`bot_config_validate` answers (clean, errors): `clean` holds typed values for the fields that are right, `errors` one
list of messages per field that is not. Every message says what is allowed.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from django.conf import settings

from accounts.fields import storable
from accounts.models import ExchangeAccount, User
from signals.models import Instrument, Strategy
from trading.models import Bot, BotConfig
from trading.selectors.standing import prices_problem
from trading.services import bot_limits, fields
from trading.services.level_validation import (
    LEVEL_DECIMALS,
    STEP_WORDS,
    levels_check,
    levels_warnings,
    steps_parse,
)

MINIMUM_CAPITAL = Decimal(10)  # the platform's minimum deposit, in quote currency
SELL_SLACK = Decimal("0.99")  # an exit after a stop and fees must still be worth the exchange's smallest order
NOTIFICATIONS = ("trades", "errors", "daily")
Errors = dict[str, list[str]]

_DECIMALS: dict[str, fields.Range] = {
    "confidence_threshold": fields.Range(Decimal(0), Decimal(1), "Between 0 and 1, such as 0.40."),
    "capital_per_trade": fields.Range(
        MINIMUM_CAPITAL, Decimal(10) ** 9, "At least 10 and at most 1,000,000,000 in the account's quote currency."
    ),
    "profit_target": fields.Range(
        Decimal(0), Decimal(1), "A fraction above 0 and below 1: 0.01 is 1 % above the entry.", open_ends=True
    ),
    "stop_loss": fields.Range(
        Decimal(0),
        Decimal(1),
        "A fraction above 0 and below 1: 0.009 puts the stop 0.9 % below the entry. A stop is never above the entry.",
        open_ends=True,
    ),
    "max_drawdown": fields.Range(Decimal("0.001"), Decimal(1), "A fraction from 0.001 to 1: 0.20 is 20 %."),
    "max_spread": fields.Range(Decimal("0.00001"), Decimal("0.1"), "A fraction from 0.00001 to 0.1: 0.01 is 1 %."),
    **LEVEL_DECIMALS,
    **bot_limits.DECIMALS,
}
_INTEGERS: dict[str, fields.Range] = {
    "holding_time_s": fields.Range(Decimal(10), Decimal(2_592_000), "Whole seconds from 10 to 2592000 (30 days)."),
    "maker_timeout_s": fields.Range(Decimal(1), Decimal(3600), "Whole seconds from 1 to 3600."),
    "max_positions": fields.Range(Decimal(1), Decimal(100), "A whole number from 1 to 100."),
    **bot_limits.INTEGERS,
}
_CHOICES: dict[str, list[str]] = {
    "source": list(BotConfig.Source.values),
    "entry_type": list(BotConfig.Entry.values),
    "on_maker_timeout": list(BotConfig.OnMakerTimeout.values),
    "exit_type": list(BotConfig.Exit.values),
    "protection": list(BotConfig.Protection.values),
    **bot_limits.CHOICES,
}
LIMITS = {**_DECIMALS, **_INTEGERS}
CONFIG_FIELDS = (
    "symbols",
    "timeframe",
    "source",
    "strategy",
    "use_model",
    "notifications",
    *_DECIMALS,
    *_INTEGERS,
    *_CHOICES,
    *STEP_WORDS,
)
ALL_FIELDS = ("name", "account", "mode", *CONFIG_FIELDS)


def config_defaults() -> dict[str, Any]:
    """The values a new configuration begins with: the model's own defaults, typed. Form, API and demo begin here."""
    blank = BotConfig()
    values = {name: getattr(blank, name) for name in CONFIG_FIELDS if name != "strategy"}
    values.update({name: Decimal(str(values[name])) for name in _DECIMALS})
    return {**values, "strategy": None}


def config_values(config: BotConfig) -> dict[str, Any]:
    """The configuration fields of a stored version."""
    return {name: getattr(config, name) for name in CONFIG_FIELDS}


def bot_config_validate(
    data: Mapping[str, Any], *, user: User, bot: Bot | None = None
) -> tuple[dict[str, Any], Errors]:
    """Check everything a user may say of a bot; missing fields keep the bot's value or the default.

    Args:
        data: raw values by field name (text from a form or typed values from JSON). `account` is a public id, a
            primary key or an ExchangeAccount; `strategy` likewise; `mode`, when given, must be the account's.
        user: who asks; accounts of others are refused unless the user is staff configuring someone's bot.
        bot: the bot to change; None for a new one.

    Returns:
        (clean, errors); `clean` is complete only when `errors` is empty.
    """
    errors: Errors = {}
    owner = bot.user if bot else user
    clean = config_values(bot.config) if bot and bot.config else config_defaults()
    _unknown_refuse(data, errors)
    clean["name"] = _name_check(data, owner, bot, errors)
    clean["account"] = _account_check(data, owner, bot, errors)
    _simple_check(data, clean, errors)
    _strategy_check(data, clean, errors)
    _symbols_check(data, clean, errors)
    levels_check(clean, errors)
    _notional_check(clean, errors)
    return clean, errors


def config_warnings(clean: Mapping[str, Any]) -> Errors:
    """What is allowed but unlikely to be meant, per field (shown beside the form, refuses nothing)."""
    warnings: Errors = bot_limits.limits_warnings(clean) | bot_limits.capital_warnings(clean)
    if waits := prices_problem(clean["account"].exchange):
        warnings["account"] = [waits]
    fee = _round_trip_fee(clean)
    if clean["profit_target"] <= fee:
        warnings["profit_target"] = [
            f"A target of {_percent(clean['profit_target'])} does not cover the round trip's fees of {_percent(fee)}: "
            "every trade that reaches it loses money, unless the pair is free of maker fees."
        ]
    if clean["stop_loss"] > clean["profit_target"] * 10:
        warnings["stop_loss"] = ["The stop is more than ten times as far as the target: one loss eats ten wins."]
    return warnings | levels_warnings(clean, fee)


def _round_trip_fee(clean: Mapping[str, Any]) -> Decimal:
    account = clean.get("account")
    chosen = _instruments(account, clean.get("symbols") or []) if account else []
    entry = max((row.maker_fee if clean["entry_type"] == "maker" else row.taker_fee for row in chosen), default=None)
    exit_ = max((row.taker_fee for row in chosen), default=Decimal("0.001"))
    return (exit_ if entry is None else entry) + exit_


def _percent(fraction: Decimal) -> str:
    return f"{(fraction * 100).normalize():f} %"


def _unknown_refuse(data: Mapping[str, Any], errors: Errors) -> None:
    for name in data:
        if name not in ALL_FIELDS:
            errors[name] = [f"There is no such field. Known fields: {', '.join(ALL_FIELDS)}."]


def _name_check(data: Mapping[str, Any], owner: User, bot: Bot | None, errors: Errors) -> str:
    given = data.get("name", bot.name if bot else "")
    name = given.strip() if isinstance(given, str) and storable(given) else ""
    others = Bot.objects.filter(user=owner, name=name, deleted_at=None)
    if bot:
        others = others.exclude(pk=bot.pk)
    if not 1 <= len(name) <= 80:
        errors["name"] = ["A name of 1 to 80 characters is needed."]
    elif others.exists():
        errors["name"] = ["You already have a bot of this name; choose another."]
    return name


def _account_check(data: Mapping[str, Any], owner: User, bot: Bot | None, errors: Errors) -> ExchangeAccount | None:
    asked = fields.by_reference(ExchangeAccount.objects.filter(user=owner), data.get("account"))
    account = bot.account if bot else asked
    if account is None or account.status == ExchangeAccount.Status.REMOVED:
        errors["account"] = ["Choose one of your own exchange accounts."]
        return None
    if data.get("account") not in (None, "") and asked != account:
        errors["account"] = ["A bot keeps its account: create another bot for another account."]
    if data.get("mode") not in (None, "", account.mode):
        errors["mode"] = [f"The mode is the account's: {account.mode}."]
    return account


def _simple_check(data: Mapping[str, Any], clean: dict[str, Any], errors: Errors) -> None:
    checks: dict[str, Callable[[Any], Any]] = {}
    checks.update({name: limits.decimal for name, limits in _DECIMALS.items()})
    checks.update({name: limits.integer for name, limits in _INTEGERS.items()})
    checks.update({name: fields.one_of(values) for name, values in _CHOICES.items()})
    checks["timeframe"] = fields.one_of(list(settings.XRAY_TIMEFRAMES))
    checks["use_model"] = fields.boolean
    checks["notifications"] = fields.some_of(NOTIFICATIONS)
    checks.update({name: partial(steps_parse, name) for name in STEP_WORDS})
    for name, check in checks.items():
        if name in data:
            try:
                clean[name] = check(data[name])
            except ValueError as error:
                errors[name] = [str(error)]
        elif name == "timeframe" and clean[name] not in settings.XRAY_TIMEFRAMES:
            errors[name] = [f"One of: {', '.join(settings.XRAY_TIMEFRAMES)}."]


def _strategy_check(data: Mapping[str, Any], clean: dict[str, Any], errors: Errors) -> None:
    if "strategy" in data:
        clean["strategy"] = fields.by_reference(Strategy.objects.filter(enabled=True), data["strategy"])
        if data["strategy"] not in (None, "") and clean["strategy"] is None:
            errors["strategy"] = ["There is no enabled strategy with this id."]
            return
    if clean["source"] == BotConfig.Source.AGGREGATE:
        clean["strategy"] = None
    elif clean["strategy"] is None:
        errors["strategy"] = ["Choose the strategy to follow, or follow all of them."]


def _symbols_check(data: Mapping[str, Any], clean: dict[str, Any], errors: Errors) -> None:
    if "symbols" in data:
        try:
            clean["symbols"] = fields.symbol_list(data["symbols"])
        except ValueError as error:
            errors["symbols"] = [str(error)]
            return
    account, symbols = clean["account"], clean["symbols"]
    if account and not symbols:
        _quote_check(account, errors)
    if not account or not symbols:
        return
    known = {row.symbol for row in _instruments(account, symbols)}
    missing = [symbol for symbol in symbols if symbol not in known]
    if missing:
        errors["symbols"] = [
            f"{account.get_exchange_display()} does not trade {', '.join(missing[:5])} against "
            f"{account.quote_currency} now (or its markets are not loaded yet). {_meant(account, missing)}"
            "Leave the list empty for every scanned symbol."
        ]


def _quote_check(account: ExchangeAccount, errors: Errors) -> None:
    """A bot that follows every scanned symbol needs some against its account's currency (once markets are loaded)."""
    traded = Instrument.objects.filter(exchange=account.exchange, market_type="spot")
    if traded.exists() and not traded.filter(quote=account.quote_currency).exists():
        errors["account"] = [
            f"{account.get_exchange_display()} trades nothing against {account.quote_currency}, which this account "
            "counts in: choose another account."
        ]


def _meant(account: ExchangeAccount, missing: list[str]) -> str:
    """Whole symbols for what looks like a coin alone, as a question; empty when there are none."""
    guesses = [f"{name}/{account.quote_currency}" for name in missing if "/" not in name]
    found = [row.symbol for row in _instruments(account, guesses)] if guesses else []
    return f"Did you mean {', '.join(sorted(found))}? " if found else ""


def _notional_check(clean: dict[str, Any], errors: Errors) -> None:
    if errors.keys() & {"account", "symbols", "capital_per_trade", "stop_loss"} or not clean["symbols"]:
        return
    chosen = _instruments(clean["account"], clean["symbols"])
    needed = max((row.min_notional for row in chosen), default=Decimal(0)) / (SELL_SLACK * (1 - clean["stop_loss"]))
    shares = [] if errors.keys() & set(STEP_WORDS) else [*clean["profit_steps"], *clean["add_steps"]]
    smallest = min((Decimal(step["share"]) for step in shares), default=Decimal(1))
    needed /= min(smallest, Decimal(1))
    if clean["capital_per_trade"] < needed:
        step = "the smallest step, or " if smallest < 1 else ""
        errors["capital_per_trade"] = [
            f"At least {needed.quantize(Decimal('0.01'))} {clean['account'].quote_currency} for these symbols: below "
            f"that, {step}what is left after a stop is under the exchange's smallest order and cannot be sold."
        ]


def _instruments(account: ExchangeAccount, symbols: list[str]) -> list[Instrument]:
    return list(
        Instrument.objects.filter(
            exchange=account.exchange, quote=account.quote_currency, symbol__in=symbols, active=True, market_type="spot"
        )
    )
