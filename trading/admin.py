"""Admin of the trading side: bots, intents, orders, fills, the trade pool, ledgers, records and stops."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import RangeDateTimeFilter

from accounts.admin import HistoryAdmin, staff_of
from trading import models as m
from trading.admin_limits import PlatformLimitsAdmin  # noqa: F401  (importing it registers them)
from trading.admin_stops import Scope, stop_all
from trading.admin_sweeps import SweepRunAdmin  # noqa: F401  (importing it registers it)
from trading.services.bots import bot_resume
from trading.services.stops import stops_clear


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

    @admin.action(description="Pause trading (no new entries)")
    def pause(self, request: HttpRequest, queryset: QuerySet[m.Bot]) -> None:
        """Stop new entries of these bots until staff lets them go on; open positions keep their exits."""
        stop_all(self, request, Scope.BOT, [str(bot.public_id) for bot in queryset])

    @admin.action(description="Let go on (and resume what paused itself)")
    def resume(self, request: HttpRequest, queryset: QuerySet[m.Bot]) -> None:
        """Lift what staff put on these bots; those that paused after errors decide again."""
        for bot in queryset.select_related("account", "user"):
            stops_clear(scope=Scope.BOT, target=str(bot.public_id), actor=staff_of(request), imposed=True)
            if bot.status == m.Bot.Status.PAUSED:
                self._resume(request, bot)
        self.message_user(request, "Bots that run decide again from now on.")

    def _resume(self, request: HttpRequest, bot: m.Bot) -> None:
        try:
            bot_resume(bot=bot, actor=staff_of(request))
        except ValidationError as error:
            self.message_user(request, f"{bot}: {' '.join(error.messages)}", messages.WARNING)


@admin.register(m.Intent)
class IntentAdmin(HistoryAdmin):
    """The execution queue and its history."""

    list_display = ("created_at", "bot", "instrument", "purpose", "side", "status", "confidence", "reason")
    list_filter = ("status", "purpose", "side", ("created_at", RangeDateTimeFilter))
    search_fields = ("public_id", "bot__name", "instrument__symbol", "bot__user__email")
    list_select_related = ("bot", "instrument")


@admin.register(m.RequestKey)
class RequestKeyAdmin(HistoryAdmin):
    """Keys under which programs have asked for something, for a day."""

    list_display = ("created_at", "user", "key", "intent")
    list_select_related = ("user", "intent")
    search_fields = ("user__email", "key")


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
        "target",
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


@admin.register(m.AccountCheck)
class AccountCheckAdmin(HistoryAdmin):
    """What comparisons of accounts with their exchanges have found."""

    list_display = ("at", "account", "outcome", "reason", "words")
    list_filter = ("outcome", "account__exchange", "account__mode", ("at", RangeDateTimeFilter))
    search_fields = ("account__name", "account__user__email", "findings")
    list_select_related = ("account",)

    @admin.display(description="Found")
    def words(self, row: m.AccountCheck) -> str:
        """The findings in words."""
        return " ".join(finding["text"] for finding in row.findings)


@admin.register(m.QuarantinedAnswer)
class QuarantinedAnswerAdmin(HistoryAdmin):
    """Answers of exchanges that were not acted on, with what the exchange really said (secrets taken out)."""

    list_display = ("last_at", "account", "kind", "about", "text", "times")
    list_filter = ("kind", "account__exchange", "account__mode", ("last_at", RangeDateTimeFilter))
    search_fields = ("account__name", "account__user__email", "about", "text", "raw")
    list_select_related = ("account",)
    readonly_fields = ("advice",)

    @admin.display(description="What to do")
    def advice(self, row: m.QuarantinedAnswer) -> str:
        """What its owner was told."""
        return row.advice


@admin.register(m.OddFee)
class OddFeeAdmin(HistoryAdmin):
    """Fees above a tenth of their trade, and who accepted them; each links to the page that accepts it."""

    list_display = ("seen_at", "account", "symbol", "side", "amount", "price", "fee", "currency", "accepted_by", "page")
    list_filter = ("account__exchange", "account__mode", ("seen_at", RangeDateTimeFilter))
    search_fields = ("account__name", "account__user__email", "symbol", "trade_id")
    list_select_related = ("account", "accepted_by")

    @admin.display(description="Look, and accept")
    def page(self, row: m.OddFee) -> str:
        """Where its numbers and the button are."""
        return format_html('<a href="{}">Open</a>', reverse("odd_fee", args=[row.public_id]))


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

    list_display = ("at", "account", "equity", "free", "in_positions", "net_deposits", "growth", "unpriced")
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
    """Entries that risk refused (level 0), and limits that held a bot back while it ran (at that level)."""

    list_display = ("created_at", "bot", "rule", "level", "reason")
    list_filter = ("rule", "level", ("created_at", RangeDateTimeFilter))
    search_fields = ("bot__name", "bot__user__email", "reason")
    list_select_related = ("bot",)
