"""Filters of trading's lists."""

import django_filters

from accounts.api.filters import MomentFilterSet, UpperCharFilter
from signals.models import SIDES
from trading.models import Balance, BalanceSnapshot, Bot, Fill, Intent, Order, Position, TradingStats


class BotFilters(MomentFilterSet):
    """By status and account."""

    status = django_filters.ChoiceFilter(choices=Bot.Status.choices)
    account = django_filters.UUIDFilter(field_name="account__public_id")

    class Meta:
        model = Bot
        fields = ("status", "account")


class _OfBotFilters(MomentFilterSet):
    symbol = UpperCharFilter(field_name="instrument__symbol")
    bot = django_filters.UUIDFilter(field_name="bot__public_id")
    account = django_filters.UUIDFilter(field_name="account__public_id")


class IntentFilters(_OfBotFilters):
    """By symbol, bot, account, status, side and purpose."""

    status = django_filters.ChoiceFilter(choices=Intent.Status.choices)
    side = django_filters.ChoiceFilter(choices=SIDES)
    purpose = django_filters.ChoiceFilter(choices=Intent.Purpose.choices)

    class Meta:
        model = Intent
        fields = ("symbol", "bot", "account", "status", "side", "purpose")


class OrderFilters(_OfBotFilters):
    """By symbol, bot, account, status and side."""

    status = django_filters.MultipleChoiceFilter(choices=Order.Status.choices)
    side = django_filters.ChoiceFilter(choices=SIDES)
    client_order_id = django_filters.CharFilter()

    class Meta:
        model = Order
        fields = ("symbol", "bot", "account", "status", "side", "client_order_id")


class FillFilters(MomentFilterSet):
    """By symbol, bot, account, order and side."""

    symbol = UpperCharFilter(field_name="instrument__symbol")
    bot = django_filters.UUIDFilter(field_name="order__bot__public_id")
    account = django_filters.UUIDFilter(field_name="account__public_id")
    order = django_filters.UUIDFilter(field_name="order__public_id")
    side = django_filters.ChoiceFilter(choices=SIDES)

    class Meta:
        model = Fill
        fields = ("symbol", "bot", "account", "order", "side")


class PositionFilters(_OfBotFilters):
    """By symbol, bot, account and status."""

    moment = "opened_at"
    status = django_filters.MultipleChoiceFilter(choices=Position.Status.choices)

    class Meta:
        model = Position
        fields = ("symbol", "bot", "account", "status")


class TradeFilters(_OfBotFilters):
    """By symbol, bot, account and why it closed."""

    moment = "closed_at"
    close_reason = django_filters.CharFilter()

    class Meta:
        model = Position
        fields = ("symbol", "bot", "account", "close_reason")


class StatsFilters(MomentFilterSet):
    """By bot and day."""

    since = django_filters.DateFilter(field_name="day", lookup_expr="gte", help_text="A day, inclusive: 2026-01-31")
    until = django_filters.DateFilter(field_name="day", lookup_expr="lt", help_text="A day, exclusive.")
    bot = django_filters.UUIDFilter(field_name="bot__public_id")

    class Meta:
        model = TradingStats
        fields = ("bot",)


class EquityFilters(MomentFilterSet):
    """By account."""

    moment = "at"
    account = django_filters.UUIDFilter(field_name="account__public_id")

    class Meta:
        model = BalanceSnapshot
        fields = ("account",)


class BalanceFilters(MomentFilterSet):
    """By account and currency."""

    moment = "updated_at"
    account = django_filters.UUIDFilter(field_name="account__public_id")
    currency = UpperCharFilter()

    class Meta:
        model = Balance
        fields = ("account", "currency")
