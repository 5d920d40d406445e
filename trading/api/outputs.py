"""How rows of trading look in the API: public ids, amounts as text, times in UTC."""

from functools import cached_property
from typing import Any

from rest_framework import serializers

from accounts.api.fields import ExactDecimal, PublicSerializer
from trading.api.inputs import AddStepInput, ProfitStepInput
from trading.models import (
    Balance,
    BalanceSnapshot,
    Bot,
    BotConfig,
    Fill,
    Intent,
    Order,
    Position,
    StopSwitch,
    TradingStats,
)
from trading.selectors.standing import prices_problem


class ConfigOutput(PublicSerializer):
    """One immutable version of a bot's configuration. Fractions are fractions: 0.009 is 0.9 %."""

    strategy = serializers.UUIDField(source="strategy.public_id", default=None, allow_null=True)
    symbols = serializers.ListField(child=serializers.CharField(), help_text="Empty: every scanned symbol.")
    notifications = serializers.ListField(child=serializers.CharField(), help_text="Any of: trades, errors, daily.")
    profit_steps = ProfitStepInput(many=True, help_text="Shares of the position sold on the way to the target.")
    add_steps = AddStepInput(many=True, help_text="Further buys on the way down (DCA).")

    class Meta:
        model = BotConfig
        fields = (
            "id",
            "version",
            "symbols",
            "timeframe",
            "source",
            "strategy",
            "use_model",
            "confidence_threshold",
            "capital_per_trade",
            "profit_target",
            "stop_loss",
            "holding_time_s",
            "entry_type",
            "maker_timeout_s",
            "on_maker_timeout",
            "max_positions",
            "max_drawdown",
            "max_spread",
            "trailing",
            "trailing_after",
            "breakeven_after",
            "profit_steps",
            "add_steps",
            "exit_type",
            "protection",
            "sizing",
            "equity_share",
            "risk_per_trade",
            "daily_loss",
            "on_breach",
            "loss_streak",
            "pause_s",
            "cooldown_s",
            "stop_cooldown_s",
            "max_slippage",
            "price_band",
            "signal_age_s",
            "orders_per_minute",
            "stale_after_s",
            "notifications",
            "created_at",
        )
        read_only_fields = fields


class BotOutput(PublicSerializer):
    """A bot and the configuration in force."""

    account = serializers.UUIDField(source="account.public_id")
    account_name = serializers.CharField(source="account.name")
    exchange = serializers.CharField(source="account.exchange")
    mode = serializers.CharField(source="account.mode")
    config = ConfigOutput(allow_null=True)
    waits = serializers.SerializerMethodField(
        help_text="Why nothing can come of it although it runs (no prices are read for its exchange); else empty."
    )

    class Meta:
        model = Bot
        fields = (
            "id",
            "name",
            "account",
            "account_name",
            "exchange",
            "mode",
            "status",
            "status_reason",
            "waits",
            "config",
            "consecutive_errors",
            "last_decision",
            "last_decision_at",
            "started_at",
            "created_at",
        )
        read_only_fields = fields

    def get_waits(self, bot: Bot) -> str:
        """In words; each exchange is looked up once a list."""
        exchange = bot.account.exchange
        if exchange not in self._waits:
            self._waits[exchange] = prices_problem(exchange)
        return self._waits[exchange]

    @cached_property
    def _waits(self) -> dict[str, str]:
        return {}


class _OfBot(PublicSerializer):
    """Rows that belong to a bot, an account and an instrument."""

    bot = serializers.UUIDField(source="bot.public_id")
    account = serializers.UUIDField(source="account.public_id")
    symbol = serializers.CharField(source="instrument.symbol")


class IntentOutput(_OfBot):
    """What a bot decided (or was asked) to do, and what became of it."""

    signal = serializers.UUIDField(source="signal.public_id", default=None, allow_null=True)
    position = serializers.UUIDField(source="position.public_id", default=None, allow_null=True)

    class Meta:
        model = Intent
        fields = (
            "id",
            "bot",
            "account",
            "symbol",
            "signal",
            "position",
            "purpose",
            "side",
            "confidence",
            "amount_quote",
            "limit_price",
            "amount",
            "share",
            "status",
            "reason",
            "expires_at",
            "created_at",
            "decided_at",
        )
        read_only_fields = fields


class OrderOutput(_OfBot):
    """One order of one intent."""

    intent = serializers.UUIDField(source="intent.public_id")
    purpose = serializers.ChoiceField(source="intent.purpose", choices=Intent.Purpose.choices)
    position = serializers.UUIDField(source="position.public_id", default=None, allow_null=True)

    class Meta:
        model = Order
        fields = (
            "id",
            "bot",
            "account",
            "symbol",
            "intent",
            "purpose",
            "position",
            "leg",
            "client_order_id",
            "exchange_order_id",
            "side",
            "type",
            "status",
            "amount",
            "price",
            "target",
            "filled",
            "cost",
            "cancel_requested_at",
            "expires_at",
            "reason",
            "created_at",
            "submitted_at",
            "closed_at",
        )
        read_only_fields = fields


class FillOutput(PublicSerializer):
    """One execution, accounted exactly once by the exchange's trade id."""

    order = serializers.UUIDField(source="order.public_id")
    bot = serializers.UUIDField(source="order.bot.public_id")
    account = serializers.UUIDField(source="account.public_id")
    symbol = serializers.CharField(source="instrument.symbol")

    class Meta:
        model = Fill
        fields = (
            "id",
            "order",
            "bot",
            "account",
            "symbol",
            "trade_id",
            "side",
            "price",
            "amount",
            "fee",
            "fee_currency",
            "maker",
            "executed_at",
            "created_at",
        )
        read_only_fields = fields


class PositionOutput(_OfBot):
    """What one bot holds (or held) of one instrument."""

    signal = serializers.UUIDField(source="signal.public_id", default=None, allow_null=True)
    stop_rests = serializers.BooleanField(default=False, help_text="Whether its stop rests at the exchange.")
    target_rests = serializers.BooleanField(default=False, help_text="Whether its target does, together with the stop.")

    class Meta:
        model = Position
        fields = (
            "id",
            "bot",
            "account",
            "symbol",
            "signal",
            "status",
            "amount",
            "bought",
            "buy_cost",
            "sold",
            "sell_proceeds",
            "fees_quote",
            "realised_pnl",
            "dust",
            "dust_cost",
            "dust_moved",
            "cost_moved",
            "gone",
            "gone_cost",
            "stop_price",
            "stop_kind",
            "stop_rests",
            "target_rests",
            "target_price",
            "raise_price",
            "step_price",
            "add_price",
            "steps_taken",
            "adds_taken",
            "hold_until",
            "close_reason",
            "opened_at",
            "closed_at",
        )
        read_only_fields = fields


class StatsOutput(serializers.ModelSerializer):  # type: ignore[type-arg]
    """One bot's day (UTC)."""

    bot = serializers.UUIDField(source="bot.public_id")
    realised_pnl = ExactDecimal()
    fees_quote = ExactDecimal()
    turnover = ExactDecimal()

    class Meta:
        model = TradingStats
        fields = ("bot", "day", "trades", "wins", "losses", "realised_pnl", "fees_quote", "turnover", "updated_at")
        read_only_fields = fields


class EquityOutput(serializers.ModelSerializer):  # type: ignore[type-arg]
    """The account's value in its quote currency at a moment."""

    account = serializers.UUIDField(source="account.public_id")
    currency = serializers.CharField(source="account.quote_currency")
    equity = ExactDecimal()
    free = ExactDecimal()
    in_positions = ExactDecimal()
    net_deposits = ExactDecimal()
    unpriced = serializers.ListField(child=serializers.CharField())
    growth = ExactDecimal(help_text="Time-weighted: what 1 at the first snapshot has become.")

    class Meta:
        model = BalanceSnapshot
        fields = ("account", "at", "currency", "equity", "free", "in_positions", "net_deposits", "unpriced", "growth")
        read_only_fields = fields


class BalanceOutput(serializers.ModelSerializer):  # type: ignore[type-arg]
    """What the ledger sums up to for one currency, and what the exchange said when last asked."""

    account = serializers.UUIDField(source="account.public_id")
    total = ExactDecimal()
    exchange_total = ExactDecimal(allow_null=True)

    class Meta:
        model = Balance
        fields = ("account", "currency", "total", "exchange_total", "exchange_at", "updated_at")
        read_only_fields = fields


class StopOutput(PublicSerializer):
    """A stop in force."""

    level_name = serializers.CharField(source="get_level_display")
    set_by = serializers.SerializerMethodField()

    class Meta:
        model = StopSwitch
        fields = ("id", "scope", "target", "level", "level_name", "imposed", "reason", "set_by", "set_at")
        read_only_fields = fields

    def get_set_by(self, switch: StopSwitch) -> str:
        """`you`, `staff` or `platform`: other people's addresses are nobody's business."""
        request: Any = self.context.get("request")
        if switch.set_by_id is None:
            return "platform"
        return "you" if request and switch.set_by_id == request.user.pk else "staff"
