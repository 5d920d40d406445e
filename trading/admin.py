"""Admin of the trading side: bots, intents, orders, fills, the trade pool, ledgers, records and stops."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateTimeFilter

from accounts.admin import HistoryAdmin, staff_of, user_action_add
from accounts.models import User
from signals.admin import exchange_action_add
from signals.models import ExchangeState
from trading import models as m
from trading.services.bots import bot_pause, bot_resume
from trading.services.stops import stop_clear, stop_set

Level = m.StopSwitch.Level
Scope = m.StopSwitch.Scope


class TabularHistory(admin.TabularInline):
    """Rows of history inside their parent."""

    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


class BotConfigInline(TabularHistory):
    """Every version of a bot's configuration."""

    model = m.BotConfig
    fk_name = "bot"
    fields = ("version", "timeframe", "source", "capital_per_trade", "profit_target", "stop_loss", "created_at")
    readonly_fields = ("created_at",)


class FillInline(TabularHistory):
    """Fills of an order."""

    model = m.Fill
    fields = ("executed_at", "price", "amount", "fee", "fee_currency", "maker", "trade_id")


@admin.register(m.Bot)
class BotAdmin(HistoryAdmin):
    """Bots of all users: looked at here, paused and resumed by action, edited by their owners."""

    list_display = ("name", "user", "account", "status", "status_reason", "consecutive_errors", "last_decision_at")
    list_filter = ("status", "account__mode", "account__exchange")
    search_fields = ("name", "user__email", "public_id")
    list_select_related = ("user", "account")
    inlines = (BotConfigInline,)
    actions = ("pause", "resume")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Bulk actions need the right to change; the fields themselves stay read-only."""
        return obj is None and super(HistoryAdmin, self).has_change_permission(request, obj)

    @admin.action(description="Pause")
    def pause(self, request: HttpRequest, queryset: QuerySet[m.Bot]) -> None:
        """No new decisions; open positions keep their exits."""
        for bot in queryset:
            bot_pause(bot=bot, actor=staff_of(request), reason="Paused by staff.")
        self.message_user(request, f"{queryset.count()} bots paused.")

    @admin.action(description="Resume")
    def resume(self, request: HttpRequest, queryset: QuerySet[m.Bot]) -> None:
        """Let paused bots decide again."""
        for bot in queryset:
            bot_resume(bot=bot, actor=staff_of(request))
        self.message_user(request, f"{queryset.count()} bots resumed.")


@admin.register(m.Intent)
class IntentAdmin(HistoryAdmin):
    """The execution queue and its history."""

    list_display = ("created_at", "bot", "instrument", "purpose", "side", "status", "confidence", "reason")
    list_filter = ("status", "purpose", "side", ("created_at", RangeDateTimeFilter))
    search_fields = ("public_id", "bot__name", "instrument__symbol", "bot__user__email")
    list_select_related = ("bot", "instrument")


@admin.register(m.Order)
class OrderAdmin(HistoryAdmin):
    """Orders."""

    list_display = (
        "created_at",
        "bot",
        "instrument",
        "side",
        "type",
        "status",
        "amount",
        "price",
        "filled",
        "client_order_id",
    )
    list_filter = ("status", "side", "type", "account__mode", ("created_at", RangeDateTimeFilter))
    search_fields = ("public_id", "client_order_id", "exchange_order_id", "instrument__symbol", "bot__user__email")
    list_select_related = ("bot", "instrument")
    inlines = (FillInline,)


@admin.register(m.Fill)
class FillAdmin(HistoryAdmin):
    """Fills."""

    list_display = ("executed_at", "account", "instrument", "side", "price", "amount", "fee", "fee_currency", "maker")
    list_filter = ("side", "maker", ("executed_at", RangeDateTimeFilter))
    search_fields = ("trade_id", "order__client_order_id", "instrument__symbol")
    list_select_related = ("account", "instrument")


class PoolAdmin(HistoryAdmin):
    """Shared by open positions and closed trades."""

    list_filter = ("status", "close_reason", "account__mode", ("opened_at", RangeDateTimeFilter))
    search_fields = ("public_id", "instrument__symbol", "bot__name", "bot__user__email")
    list_select_related = ("bot", "instrument")


@admin.register(m.Position)
class PositionAdmin(PoolAdmin):
    """Positions, open and closed."""

    list_display = ("opened_at", "bot", "instrument", "status", "amount", "realised_pnl", "fees_quote", "close_reason")


@admin.register(m.Trade)
class TradeAdmin(PoolAdmin):
    """The trade pool."""

    list_display = (
        "closed_at",
        "bot",
        "instrument",
        "bought",
        "buy_cost",
        "sell_proceeds",
        "fees_quote",
        "realised_pnl",
        "close_reason",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[m.Trade]:
        """Closed positions only."""
        return super().get_queryset(request).filter(status="closed")


@admin.register(m.TradingStats)
class TradingStatsAdmin(HistoryAdmin):
    """Days of bots."""

    list_display = ("day", "bot", "trades", "wins", "losses", "realised_pnl", "fees_quote", "turnover")
    list_filter = ("day",)
    search_fields = ("bot__name", "bot__user__email")
    list_select_related = ("bot",)


@admin.register(m.LedgerEntry)
class LedgerEntryAdmin(HistoryAdmin):
    """Every movement of money."""

    list_display = ("at", "account", "kind", "currency", "amount", "reference")
    list_filter = ("kind", "currency")
    search_fields = ("reference", "account__name", "account__user__email")
    list_select_related = ("account",)


@admin.register(m.Balance)
class BalanceAdmin(HistoryAdmin):
    """What the ledgers sum up to, beside what the exchange said."""

    list_display = ("account", "currency", "total", "exchange_total", "exchange_at", "updated_at")
    list_filter = ("currency",)
    search_fields = ("account__name", "account__user__email")
    list_select_related = ("account",)


@admin.register(m.BalanceSnapshot)
class BalanceSnapshotAdmin(HistoryAdmin):
    """Equity curves."""

    list_display = ("at", "account", "equity", "free", "in_positions", "net_deposits")
    search_fields = ("account__name", "account__user__email")
    list_select_related = ("account",)


@admin.register(m.AccountLease)
class AccountLeaseAdmin(HistoryAdmin):
    """Who executes for which account."""

    list_display = ("account", "owner", "token", "expires_at")
    list_select_related = ("account",)


@admin.register(m.DecisionRecord)
class DecisionRecordAdmin(HistoryAdmin):
    """What decisions saw, in order."""

    list_display = ("account", "sequence", "kind", "at")
    list_filter = ("kind",)
    search_fields = ("account__name",)
    list_select_related = ("account",)


@admin.register(m.RiskEvent)
class RiskEventAdmin(HistoryAdmin):
    """Orders that risk refused."""

    list_display = ("created_at", "bot", "rule", "reason")
    list_filter = ("rule", ("created_at", RangeDateTimeFilter))
    search_fields = ("bot__name", "bot__user__email", "reason")
    list_select_related = ("bot",)


@admin.register(m.StopSwitch)
class StopSwitchAdmin(HistoryAdmin):
    """The stop ladder: add a row to stop, use the action to let go on."""

    list_display = ("set_at", "scope", "target", "level", "reason", "set_by", "cleared_at")
    list_filter = ("scope", "level", ("set_at", RangeDateTimeFilter))
    fields = ("scope", "target", "level", "reason")
    actions = ("clear",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Staff with the right may stop things."""
        return super(HistoryAdmin, self).has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Bulk actions need the right to change; a stop itself is never edited."""
        return obj is None and super(HistoryAdmin, self).has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: m.StopSwitch, form: ModelForm, change: bool) -> None:
        """Through the service: it audits and wakes what is concerned."""
        stored = stop_set(
            scope=obj.scope, target=obj.target, level=obj.level, reason=obj.reason, actor=staff_of(request)
        )
        obj.pk = stored.pk

    @admin.action(description="Let go on (clear the stop)")
    def clear(self, request: HttpRequest, queryset: QuerySet[m.StopSwitch]) -> None:
        """End these stops."""
        for stop in queryset.filter(cleared_at=None):
            stop_clear(scope=stop.scope, target=stop.target, actor=staff_of(request))
        self.message_user(request, "Cleared. Bots decide again from now on.")


def _stop_all(model_admin: Any, request: HttpRequest, scope: str, targets: list[str]) -> None:
    for target in targets:
        stop_set(
            scope=scope, target=target, level=Level.NO_NEW_ENTRIES, reason="Paused by staff.", actor=staff_of(request)
        )
    model_admin.message_user(
        request, f"{len(targets)} paused: no new entries, exits go on. Clear it under Stop switches.", messages.WARNING
    )


@admin.action(description="Pause trading (no new entries)")
def pause_users(model_admin: Any, request: HttpRequest, queryset: QuerySet[User]) -> None:
    """Stop new entries of all bots of these users."""
    _stop_all(model_admin, request, Scope.USER, [str(user.public_id) for user in queryset])


@admin.action(description="Pause trading (no new entries)")
def pause_exchanges(model_admin: Any, request: HttpRequest, queryset: QuerySet[ExchangeState]) -> None:
    """Stop new entries at these exchanges."""
    _stop_all(model_admin, request, Scope.EXCHANGE, [state.exchange for state in queryset])


user_action_add(pause_users)
exchange_action_add(pause_exchanges)
