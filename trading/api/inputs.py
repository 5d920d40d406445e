"""What the API takes in. Bot configurations are checked by `trading.services.bot_validation`; these describe them."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from accounts.api.fields import StrictSerializer
from accounts.fields import decimal_text
from trading.models import BotConfig, OnBreach, StopSwitch
from trading.services.bot_validation import LIMITS, config_defaults
from trading.services.level_validation import STEP_WORDS, WHERE_WORDS


def _decimal(name: str, what: str) -> serializers.CharField:
    return serializers.CharField(required=False, help_text=f"{what} {LIMITS[name].words} A decimal as text.")


def _integer(name: str, what: str) -> serializers.IntegerField:
    limits = LIMITS[name]
    return serializers.IntegerField(
        required=False, min_value=int(limits.low), max_value=int(limits.high), help_text=f"{what} {limits.words}"
    )


class ProfitStepInput(StrictSerializer):
    """A step out: fractions, decimals as text."""

    gain = serializers.CharField(help_text="Above the average entry.")
    share = serializers.CharField(help_text="Of all that the position came to hold.")


class AddStepInput(StrictSerializer):
    """A step in: fractions, decimals as text."""

    fall = serializers.CharField(help_text="Below the first entry's price.")
    share = serializers.CharField(help_text="Of what the first entry cost.")


class ConfigInput(StrictSerializer):
    """A configuration; fields left out keep the bot's value."""

    name = serializers.CharField(max_length=80, required=False, help_text="1 to 80 characters, once among your bots.")
    symbols = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Such as BTC/USDT; empty: every scanned symbol."
    )
    timeframe = serializers.CharField(required=False, help_text="Such as 1m; one of those that are scanned.")
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=BotConfig.Source.choices, required=False, help_text="Whose signals the bot follows."
    )
    strategy = serializers.UUIDField(required=False, allow_null=True, help_text="For source 'strategy'.")
    use_model = serializers.BooleanField(required=False, help_text="Also follow the serving model's signals.")
    confidence_threshold = _decimal("confidence_threshold", "Signals below it are left alone.")
    capital_per_trade = _decimal("capital_per_trade", "What one entry spends.")
    profit_target = _decimal("profit_target", "Where it sells at a profit; it should cover the fees of both ways.")
    stop_loss = _decimal("stop_loss", "Where it sells at a loss.")
    holding_time_s = _integer("holding_time_s", "Then it sells at market.")
    entry_type = serializers.ChoiceField(choices=BotConfig.Entry.choices, required=False, help_text="How it gets in.")
    maker_timeout_s = _integer("maker_timeout_s", "How long a maker entry waits.")
    on_maker_timeout = serializers.ChoiceField(
        choices=BotConfig.OnMakerTimeout.choices, required=False, help_text="The unfilled rest of a maker entry."
    )
    max_positions = _integer("max_positions", "How many it holds at once.")
    max_drawdown = _decimal("max_drawdown", "No entries while the account is that far below its peak.")
    max_spread = _decimal("max_spread", "No entry where bid and ask are further apart.")
    trailing = _decimal("trailing", "How far below the price the stop follows it up.")
    trailing_after = _decimal("trailing_after", "The gain from which on it does.")
    breakeven_after = _decimal("breakeven_after", "The gain from which on the stop covers entry and fees.")
    profit_steps = ProfitStepInput(many=True, required=False, help_text=STEP_WORDS["profit_steps"])
    add_steps = AddStepInput(many=True, required=False, help_text=STEP_WORDS["add_steps"])
    exit_type = serializers.ChoiceField(
        choices=BotConfig.Exit.choices, required=False, help_text="How profits are taken; losses are sold at market."
    )
    protection = serializers.ChoiceField(
        choices=BotConfig.Protection.choices,
        required=False,
        help_text=f"Where stops wait. {WHERE_WORDS}",
    )
    sizing = serializers.ChoiceField(
        choices=BotConfig.Sizing.choices, required=False, help_text="How much an entry spends."
    )
    equity_share = _decimal("equity_share", "What an entry spends of the account; by volatility the most it may.")
    risk_per_trade = _decimal("risk_per_trade", "By volatility: what an adverse move may cost of the account.")
    daily_loss = _decimal("daily_loss", "The bot stops until 00:00 UTC when it lost as much of the account today.")
    on_breach = serializers.ChoiceField(
        choices=OnBreach.choices, required=False, help_text="What the day's loss and the drawdown do to the bot."
    )
    loss_streak = _integer("loss_streak", "It pauses after so many losing trades in a row.")
    pause_s = _integer("pause_s", "How long it pauses.")
    cooldown_s = _integer("cooldown_s", "After a trade, before the symbol is bought again.")
    stop_cooldown_s = _integer("stop_cooldown_s", "The same after a stop loss.")
    max_slippage = _decimal("max_slippage", "Expected of an entry, and the average of the last ten fills.")
    price_band = _decimal("price_band", "No entry where the ask is further from the last candle's close.")
    signal_age_s = _integer("signal_age_s", "No entry on a signal whose candle closed longer ago.")
    orders_per_minute = _integer("orders_per_minute", "No entry above it.")
    stale_after_s = _integer("stale_after_s", "No entry while a held coin shows no price for so long.")
    notifications = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Any of: trades, errors, daily."
    )


class ConfigReplaceInput(ConfigInput):
    """A whole configuration; fields left out take their defaults, which are those of the form."""

    apply_to_open = serializers.BooleanField(
        required=False, default=False, help_text="Also move stops and targets of open positions."
    )

    def get_fields(self) -> dict[str, Any]:
        """The defaults, for the description of the API."""
        found = super().get_fields()
        for name, value in config_defaults().items():
            found[name].default = decimal_text(value) if name in LIMITS and not isinstance(value, int) else value
        return found


class ConfigChangeInput(ConfigInput):
    """A change of a configuration; fields left out keep the bot's value."""

    apply_to_open = serializers.BooleanField(required=False, help_text="Also move stops and targets of open positions.")


BOT_EXAMPLE = OpenApiExample(
    "A bot of one strategy's signals",
    request_only=True,
    value={
        "name": "Dip finder",
        "account": "6f1c2a34-5b6d-4e7f-8a90-b1c2d3e4f506",
        "symbols": ["BTC/USDT", "ETH/USDT"],
        "capital_per_trade": "200",
        "profit_target": "0.012",
        "stop_loss": "0.009",
    },
)


@extend_schema_serializer(examples=[BOT_EXAMPLE])
class BotInput(ConfigReplaceInput):
    """A new bot: a name, one of the user's accounts, and any configuration field."""

    name = serializers.CharField(max_length=80, help_text="1 to 80 characters, once among your bots.")
    account = serializers.UUIDField(help_text="Public id of one of your exchange accounts.")
    mode = serializers.CharField(required=False, help_text="When given, it must be the account's.")
    apply_to_open = None  # type: ignore[assignment]


class EntryInput(StrictSerializer):
    """A manual entry: buy for an amount of quote currency, at market or at a limit price."""

    bot = serializers.UUIDField(help_text="A running bot of yours, whose plan and limits the entry follows.")
    symbol = serializers.CharField(max_length=32, help_text="Such as BTC/USDT.")
    amount_quote = serializers.CharField(
        max_length=64, help_text="How much to spend, quote currency, at least 10: a decimal as text."
    )
    limit_price = serializers.CharField(
        max_length=64,
        required=False,
        allow_null=True,
        default=None,
        help_text="A decimal as text, in steps of the instrument's tick_size; left out: at market.",
    )


class PartInput(StrictSerializer):
    """A part of a position: either of the two."""

    share = serializers.CharField(
        max_length=64, required=False, help_text="Of what is held then: a fraction above 0 and below 1, as text."
    )
    amount = serializers.CharField(max_length=64, required=False, help_text="Base currency: a decimal as text.")


class ChangeInput(StrictSerializer):
    """Another price, another amount, or both; left out: as it is."""

    limit_price = serializers.CharField(
        max_length=64, required=False, help_text="A decimal as text, in steps of the instrument's tick_size."
    )
    amount = serializers.CharField(
        max_length=64, required=False, help_text="Base currency with what is filled already: a decimal as text."
    )


class StopInput(StrictSerializer):
    """A stop. Traders may stop themselves (user), an account or a bot of theirs; staff also the rest."""

    scope = serializers.ChoiceField(choices=StopSwitch.Scope.choices, help_text="What it stops.")
    target = serializers.CharField(
        max_length=64, required=False, allow_blank=True, default="", help_text="Public id, or an exchange's name."
    )
    level = serializers.ChoiceField(
        choices=StopSwitch.Level.choices, help_text="1 no new entries, 2 reduce only, 3 flatten."
    )
    reason = serializers.CharField(
        max_length=240, required=False, allow_blank=True, default="", help_text="Shown wherever the stop is."
    )


class ValidationOutput(serializers.Serializer):  # type: ignore[type-arg]
    """Whether a configuration would be taken; warnings refuse nothing."""

    valid = serializers.BooleanField()
    field_errors = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    warnings = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
