"""What the API takes in. Bot configurations are checked by `trading.services.bot_validation`; these describe them."""

from rest_framework import serializers

from accounts.api.fields import StrictSerializer
from trading.models import BotConfig, StopSwitch


class ConfigInput(StrictSerializer):
    """A configuration; fields left out keep the bot's value (PATCH) or take the default (POST, PUT)."""

    name = serializers.CharField(max_length=80, required=False)
    symbols = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Such as BTC/USDT; empty: every scanned symbol."
    )
    timeframe = serializers.CharField(required=False, help_text="Such as 1m; one of those that are scanned.")
    source = serializers.ChoiceField(choices=BotConfig.Source.choices, required=False)  # type: ignore[assignment]
    strategy = serializers.UUIDField(required=False, allow_null=True, help_text="For source 'strategy'.")
    use_model = serializers.BooleanField(required=False)
    confidence_threshold = serializers.CharField(required=False, help_text="0 to 1.")
    capital_per_trade = serializers.CharField(required=False, help_text="Quote currency, at least 10.")
    profit_target = serializers.CharField(required=False, help_text="A fraction: 0.01 is 1 % above the entry.")
    stop_loss = serializers.CharField(required=False, help_text="A fraction: 0.009 is 0.9 % below the entry.")
    holding_time_s = serializers.IntegerField(required=False)
    entry_type = serializers.ChoiceField(choices=BotConfig.Entry.choices, required=False)
    maker_timeout_s = serializers.IntegerField(required=False)
    on_maker_timeout = serializers.ChoiceField(choices=BotConfig.OnMakerTimeout.choices, required=False)
    max_positions = serializers.IntegerField(required=False)
    max_drawdown = serializers.CharField(required=False, help_text="A fraction of the account's peak equity.")
    max_spread = serializers.CharField(required=False, help_text="A fraction of the mid price.")
    notifications = serializers.ListField(child=serializers.CharField(), required=False)


class ConfigChangeInput(ConfigInput):
    """A change of a running configuration."""

    apply_to_open = serializers.BooleanField(required=False, help_text="Also move stops and targets of open positions.")


class BotInput(ConfigInput):
    """A new bot: a name, one of the user's accounts, and any configuration field."""

    name = serializers.CharField(max_length=80)
    account = serializers.UUIDField(help_text="Public id of one of your exchange accounts.")
    mode = serializers.CharField(required=False, help_text="When given, it must be the account's.")


class EntryInput(StrictSerializer):
    """A manual entry: buy for an amount of quote currency, at market or at a limit price."""

    bot = serializers.UUIDField()
    symbol = serializers.CharField(max_length=32)
    amount_quote = serializers.CharField(max_length=64, help_text="How much to spend, quote currency.")
    limit_price = serializers.CharField(max_length=64, required=False, allow_null=True, allow_blank=True, default=None)


class StopInput(StrictSerializer):
    """A stop. Traders may stop themselves (user), an account or a bot of theirs; staff also the rest."""

    scope = serializers.ChoiceField(choices=StopSwitch.Scope.choices)
    target = serializers.CharField(
        max_length=64, required=False, allow_blank=True, default="", help_text="Public id, or an exchange's name."
    )
    level = serializers.ChoiceField(
        choices=StopSwitch.Level.choices, help_text="1 no new entries, 2 reduce only, 3 flatten."
    )
    reason = serializers.CharField(max_length=240, required=False, allow_blank=True, default="")


class ValidationOutput(serializers.Serializer):  # type: ignore[type-arg]
    """Whether a configuration would be taken; warnings refuse nothing."""

    valid = serializers.BooleanField()
    field_errors = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    warnings = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
