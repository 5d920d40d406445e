"""The bot form: what people type (percentages, one strategy choice) and what the service takes (fractions, source).

`trading.services.bot_validation` decides what is right; this module only translates in both directions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import QueryDict

from accounts.fields import decimal_text
from accounts.models import ExchangeAccount, User
from signals.models import Strategy
from trading.forms_limits import EXITS, FOLDED, LIMIT_SPECS, LIMITS, SIZE, FieldSpec
from trading.models import Bot, BotConfig, OnBreach
from trading.services.bot_validation import bot_config_validate, config_defaults, config_values, config_warnings
from trading.services.level_validation import STEP_KEYS, WHERE_WORDS

ALL_STRATEGIES = "all"
Choices = list[tuple[str, str]]


SPECS = (
    FieldSpec("name", "Bot name", 1, "text", help="1 to 80 characters, once among your bots."),
    FieldSpec("account", "Account", 1, "select", help="Where its orders go. A bot keeps its account."),
    FieldSpec("strategy", "Strategy", 1, "select", help="Whose signals it follows."),
    FieldSpec("timeframe", "Candles", 1, "select", help="Signals of this candle length."),
    FieldSpec("symbols", "Symbols", 1, "text", help="BTC/USDT, ETH/USDT, ... Empty means every scanned symbol."),
    FieldSpec("confidence_threshold", "Least confidence", 1, suffix="0 to 1", help="Signals below it are left alone."),
    FieldSpec("use_model", "Learning model", 1, "switch", help="Also follow the signals of the trained model."),
    FieldSpec("capital_per_trade", "Money per trade", 2, suffix="quote", help="At least 10."),
    FieldSpec("max_positions", "Open positions at once", 2, suffix="max", help="1 to 100."),
    FieldSpec(
        "stop_loss",
        "Stop distance",
        2,
        suffix="% below entry",
        help="Sells at a loss here.",
        percent=True,
        words="Above 0 and below 100 %: 0.9 puts the stop 0.9 % below the entry. A stop is never above the entry.",
    ),
    FieldSpec(
        "profit_target",
        "Target",
        2,
        suffix="% above entry",
        help="Sells at a profit here.",
        percent=True,
        words="Above 0 and below 100 %: 1.2 sells 1.2 % above the entry.",
    ),
    FieldSpec("holding_time_s", "Longest holding time", 2, suffix="seconds", help="Then it sells at market."),
    FieldSpec("entry_type", "Way in", 2, "select", help="Maker waits at the bid and pays the maker fee."),
    FieldSpec("maker_timeout_s", "Wait for a maker fill", 2, suffix="seconds", help="1 to 3600."),
    FieldSpec("on_maker_timeout", "When the wait is over", 2, "select", help="For the part that was not filled."),
    FieldSpec(
        "max_drawdown",
        "Stop entries at a drawdown of",
        2,
        suffix="% of peak",
        help="Measured on the whole account.",
        percent=True,
        words="From 0.1 to 100 %: 20 stops entries when the account is 20 % below its peak.",
    ),
    FieldSpec(
        "max_spread",
        "Widest spread",
        2,
        suffix="% of price",
        help="No entry into a wider market.",
        percent=True,
        words="From 0.001 to 10 %: 1 refuses entries where bid and ask are more than 1 % apart.",
    ),
    FieldSpec(
        "trailing",
        "Trailing distance",
        3,
        suffix="% below price",
        help="0: none. The stop follows the price up at this distance, and never down.",
        percent=True,
        words="0 for none, else from 0.05 to 50 %.",
    ),
    FieldSpec(
        "trailing_after",
        "Trail from a gain of",
        3,
        suffix="% above entry",
        help="0: from the entry on.",
        percent=True,
        words="From 0 to 100 %.",
    ),
    FieldSpec(
        "breakeven_after",
        "Secure the costs from a gain of",
        3,
        suffix="% above entry",
        help="0: never. From there on the stop covers entry and fees.",
        percent=True,
        words="0 for never, else up to 100 %.",
    ),
    FieldSpec(
        "profit_steps",
        "Sell in steps",
        3,
        "steps",
        help="Gain and share in percent: 0.5:30, 1:30 sells 30 % at +0.5 % and again at +1 %. The rest runs on.",
        words="Pairs of gain and share such as 0.5:30, 1:30. Gains rise and lie below the target, shares are at most "
        "100 % together.",
    ),
    FieldSpec(
        "add_steps",
        "Buy more in steps",
        3,
        "steps",
        help="Fall and share in percent: 1:100, 2:150 buys the first amount again 1 % below the entry, then 1.5 times.",
        words="Pairs of fall and share such as 1:100, 2:150. Falls rise, shares are 1 to 1000 % of the first entry.",
    ),
    FieldSpec("exit_type", "Take profits by", 3, "select", help="Losses are always sold at market."),
    FieldSpec("protection", "Stops wait", 3, "select", help=WHERE_WORDS),
    *LIMIT_SPECS,
)
BY_NAME = {spec.name: spec for spec in SPECS}
NOTIFICATIONS: Choices = [("trades", "Trades"), ("errors", "Errors"), ("daily", "Daily summary")]


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field as the page shows it."""

    spec: FieldSpec
    value: str
    choices: Choices
    error: str = ""
    warning: str = ""
    checked: bool = False

    @property
    def state(self) -> str:
        """CSS state of the field: invalid, valid (once checked), or plain."""
        return "invalid" if self.error else "valid" if self.checked else ""

    @property
    def message(self) -> str:
        """The one line under the field."""
        return self.error or self.warning or self.spec.help


class BotForm:
    """One bot form: raw values in, fields with messages and the service's data out."""

    def __init__(self, *, user: User, raw: Mapping[str, Any], bot: Bot | None = None, checked: bool = False) -> None:
        self.user, self.bot, self.raw, self.checked = user, bot, raw, checked
        self.clean: dict[str, Any] = {}
        self.errors: dict[str, list[str]] = {}
        if checked:
            self.clean, found = bot_config_validate(self.data, user=user, bot=bot)
            self.errors = _in_form_words(found)
        self.warnings = config_warnings(self.clean) if checked and not self.errors else {}

    @classmethod
    def posted(cls, user: User, query: QueryDict, bot: Bot | None = None) -> "BotForm":
        """The form as it was sent, checked. What is folded away and was not sent stays."""
        sent = [spec.name for spec in SPECS if spec.section < FOLDED or spec.name in query]
        known = cls.fresh(user, bot).raw
        kept = {spec.name: known[spec.name] for spec in LIMIT_SPECS}
        raw: dict[str, Any] = {**kept, **{name: query.get(name, "") for name in sent}}
        raw["use_model"] = "on" if query.get("use_model") else ""
        raw["notifications"] = query.getlist("notifications")
        return cls(user=user, raw=raw, bot=bot, checked=True)

    @classmethod
    def fresh(cls, user: User, bot: Bot | None = None, values: Mapping[str, Any] | None = None) -> "BotForm":
        """A form with a bot's values, or the defaults overlaid with a preset."""
        start = config_values(bot.config) if bot and bot.config else {**config_defaults(), **(values or {})}
        raw = {name: _shown(name, value) for name, value in start.items()}
        raw["name"] = bot.name if bot else ""
        raw["account"] = str(bot.account.public_id) if bot else ""
        raw["notifications"] = list(start.get("notifications") or [])
        return cls(user=user, raw=raw, bot=bot)

    @property
    def data(self) -> dict[str, Any]:
        """What `bot_create` and `bot_configure` take."""
        values: dict[str, Any] = {name: _typed(name, value) for name, value in self.raw.items()}
        strategy = values.pop("strategy", "")
        follows_one = strategy not in ("", ALL_STRATEGIES)
        values["source"] = BotConfig.Source.STRATEGY if follows_one else BotConfig.Source.AGGREGATE
        values["strategy"] = strategy if follows_one else ""
        return values

    def field(self, name: str) -> FieldView:
        """One field for the page."""
        spec = BY_NAME[name]
        error = " ".join(self.errors.get(name, []))
        warning = " ".join(self.warnings.get(name, []))
        return FieldView(spec, str(self.raw.get(name, "")), self.choices(name), error, warning, self.checked)

    def section(self, number: int) -> list[FieldView]:
        """The fields of one section."""
        return [self.field(spec.name) for spec in SPECS if spec.section == number]

    @cached_property
    def sections(self) -> dict[str, list[FieldView]]:
        """The sections of fields, for the template."""
        numbers = {"market": 1, "risk": SIZE, "exits": EXITS, "limits": LIMITS}
        return {name: self.section(number) for name, number in numbers.items()}

    def wrong_in(self, number: int) -> int:
        """How many fields of a section are to be fixed."""
        return sum(1 for spec in SPECS if spec.section == number and spec.name in self.errors)

    @property
    def wrong(self) -> dict[str, int]:
        """Fields to fix per section, and those that belong to none."""
        rest = sum(1 for name in self.errors if name not in BY_NAME)
        exits, limits = self.wrong_in(EXITS), self.wrong_in(LIMITS)
        risk = self.wrong_in(SIZE) + exits + limits
        return {"market": self.wrong_in(1), "risk": risk, "exits": exits, "limits": limits, "rest": rest}

    @property
    def more_open(self) -> bool:
        """Whether the fold of section 3 shows: something in it is asked for, or wrong."""
        plain = _plain_exits()
        asked = any(str(self.raw.get(name, "")) not in ("", str(value)) for name, value in plain.items())
        return asked or self.wrong_in(3) > 0

    @property
    def other_errors(self) -> list[str]:
        """Messages that belong to no visible field."""
        return [message for name, found in self.errors.items() if name not in BY_NAME for message in found]

    def choices(self, name: str) -> Choices:
        """Options of a select."""
        builders = {"account": self._accounts, "strategy": _strategies, "timeframe": _timeframes}
        if name in builders:
            return builders[name]()
        return {
            "entry_type": list(BotConfig.Entry.choices),
            "on_maker_timeout": list(BotConfig.OnMakerTimeout.choices),
            "exit_type": list(BotConfig.Exit.choices),
            "protection": list(BotConfig.Protection.choices),
            "sizing": list(BotConfig.Sizing.choices),
            "on_breach": list(OnBreach.choices),
        }.get(name, [])

    def _accounts(self) -> Choices:
        rows = (
            [self.bot.account]
            if self.bot
            else list(ExchangeAccount.objects.filter(user=self.user).exclude(status=ExchangeAccount.Status.REMOVED))
        )
        return [
            (str(row.public_id), f"{row.name}, {row.get_exchange_display()} {row.get_mode_display().lower()}")
            for row in rows
        ]


def _plain_exits() -> dict[str, Any]:
    """The fields of section 3 as they stand when nothing of it is asked for."""
    values = config_defaults()
    return {spec.name: _shown(spec.name, values[spec.name]) for spec in SPECS if spec.section == 3}


def _strategies() -> Choices:
    rows = Strategy.objects.filter(enabled=True).exclude(kind__in=("model", "aggregate"))
    return [(ALL_STRATEGIES, "All together (the aggregate)"), *((str(row.public_id), str(row)) for row in rows)]


def _timeframes() -> Choices:
    return [(name, name) for name in settings.XRAY_TIMEFRAMES]


def _shown(name: str, value: Any) -> Any:
    """A stored value as people type it."""
    if name == "symbols":
        return ", ".join(value)
    if name == "strategy":
        return str(value.public_id) if value else ALL_STRATEGIES
    if name == "use_model":
        return "on" if value else ""
    if name in STEP_KEYS:
        return steps_shown(value, STEP_KEYS[name])
    if name in BY_NAME and BY_NAME[name].percent:
        return decimal_text(Decimal(str(value)) * 100)
    return decimal_text(value) if isinstance(value, Decimal) else value


def _typed(name: str, value: Any) -> Any:
    """A typed value as the service takes it; what is no number is left for the service to refuse."""
    if name in STEP_KEYS:
        return steps_typed(str(value), STEP_KEYS[name])
    if name not in BY_NAME or BY_NAME[name].kind != "number":
        return value
    text = str(value).strip().replace("\N{NO-BREAK SPACE}", "") or ("0" if BY_NAME[name].section == 3 else "")
    if not BY_NAME[name].percent:
        return text
    try:
        number = Decimal(text)
        return number / 100 if number.is_finite() else text
    except ArithmeticError:  # no number, or 1e999999999
        return text


def steps_shown(steps: list[dict[str, str]], key: str) -> str:
    """Stored steps as people type them: `0.5:30, 1:30`, in percent."""
    return ", ".join(
        ":".join(decimal_text(Decimal(str(step[name])) * 100) for name in (key, "share")) for step in steps
    )


def steps_typed(text: str, key: str) -> Any:
    """Typed steps as the service takes them; what cannot be read is left for the service to refuse."""
    try:
        pairs = [[Decimal(number.strip(" %")) / 100 for number in pair.split(":")] for pair in _pairs(text)]
    except ArithmeticError:
        return text
    return [dict(zip((key, "share"), pair, strict=True)) if len(pair) == 2 else {} for pair in pairs]


def _pairs(text: str) -> list[str]:
    return [pair for pair in text.replace(";", ",").split(",") if pair.strip()]


def _in_form_words(errors: dict[str, list[str]]) -> dict[str, list[str]]:
    """Messages about fractions become messages about percentages, as the form asks for those.

    Those that name percentages already, of what does not fit together, stay.
    """
    return {
        name: [BY_NAME[name].words] if name in BY_NAME and BY_NAME[name].words and not _in_percent(found) else found
        for name, found in errors.items()
    }


def _in_percent(found: list[str]) -> bool:
    return any("never reached" in message for message in found)
