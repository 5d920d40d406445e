"""How stops' reports, limits and risk events look in the API."""

from typing import Any

from rest_framework import serializers

from accounts.api.fields import ExactDecimal, PublicSerializer
from trading.models import AccountLimits, RiskEvent, StopSwitch


class StopLineOutput(serializers.Serializer):  # type: ignore[type-arg]
    """One order or position that a stop concerned."""

    what = serializers.CharField(help_text="Symbol and bot.")
    outcome = serializers.CharField(help_text="What became of it, or why it is left.")
    seconds = serializers.CharField(allow_null=True, help_text="After the stop was set, seconds; null: not over.")
    row = serializers.UUIDField(source="row.public_id", help_text="Public id of the order or position.")


class AccountReportOutput(serializers.Serializer):  # type: ignore[type-arg]
    """One account's share of a stop."""

    account = serializers.UUIDField(source="account.public_id", help_text="Public id of the account.")
    cancelled = StopLineOutput(many=True, help_text="Entry orders that ended.")
    closed = StopLineOutput(many=True, help_text="Positions that closed.")
    left = StopLineOutput(many=True, help_text="What is left, and why.")
    late = StopLineOutput(many=True, help_text="Entries made more than a second after the stop: there must be none.")


class StopReportOutput(serializers.Serializer):  # type: ignore[type-arg]
    """What a stop has cancelled and closed."""

    id = serializers.UUIDField(source="switch.public_id", help_text="Of the stop.")
    level = serializers.ChoiceField(choices=StopSwitch.Level.choices, source="switch.level", help_text="1 to 3.")
    set_at = serializers.DateTimeField(source="switch.set_at", help_text="UTC.")
    cleared_at = serializers.DateTimeField(source="switch.cleared_at", allow_null=True, help_text="UTC.")
    done = serializers.BooleanField(help_text="Nothing waits that its level is to end.")
    seconds = serializers.CharField(allow_null=True, help_text="How long it took; null while it is at work.")
    accounts = AccountReportOutput(many=True, help_text="Of the user's own accounts.")


class LimitsOutput(serializers.ModelSerializer):  # type: ignore[type-arg]
    """Limits over all bots of an account. Fractions are fractions: 0.15 is 15 %; 1 means no limit."""

    account = serializers.UUIDField(source="account.public_id", help_text="Public id of the account.")
    coin_exposure = ExactDecimal(help_text="Of equity in one coin, over all bots.")
    group_exposure = ExactDecimal(help_text="Of equity in coins that move together.")
    daily_loss = ExactDecimal(help_text="Of equity at 00:00 UTC, over all bots.")

    class Meta:
        model = AccountLimits
        fields = (
            "account",
            "coin_exposure",
            "group_exposure",
            "daily_loss",
            "on_breach",
            "orders_per_minute",
            "counted_from",
        )
        read_only_fields = fields


class RiskEventOutput(PublicSerializer):
    """An entry that a rule refused (level 0), or a limit that was reached while a bot ran."""

    bot = serializers.UUIDField(source="bot.public_id", help_text="Public id of the bot.")
    intent = serializers.UUIDField(
        source="intent.public_id", default=None, allow_null=True, help_text="The entry that was refused."
    )
    rule = serializers.CharField(help_text="Its name, as in docs/risk.md.")
    reason = serializers.CharField(help_text="A sentence with the numbers.")
    facts: Any = serializers.DictField(
        source="snapshot", child=serializers.CharField(), help_text="The numbers that the rule saw, as text."
    )

    class Meta:
        model = RiskEvent
        fields = ("id", "bot", "intent", "rule", "level", "reason", "facts", "created_at")
        read_only_fields = fields
