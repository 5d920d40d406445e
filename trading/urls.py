"""Page addresses of trading."""

from django.urls import path

from trading.views import actions, bots, charts, exchange_accounts, models, notices, orders, overview, signals, trades

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("overview/equity/", overview.equity_data, name="equity_data"),
    path("overview/block/<slug:block>/", overview.overview_block, name="overview_block"),
    path("shell/counts/", overview.shell_counts, name="shell_counts"),
    path("shell/stop/", overview.shell_stop, name="shell_stop"),
    path("stop/", actions.stop, name="stop"),
    path("positions/<uuid:public_id>/close/", actions.position_close, name="position_close"),
    path("orders/<uuid:public_id>/cancel/", actions.order_cancel, name="order_cancel"),
    path("chart/", charts.chart_default, name="chart_default"),
    path("chart/data/<path:symbol>", charts.chart_data, name="chart_data"),
    path("chart/side/<path:symbol>", charts.chart_side, name="chart_side"),
    path("chart/entry/<path:symbol>", charts.entry, name="chart_entry"),
    path("chart/<path:symbol>", charts.chart, name="chart"),
    path("signals/", signals.signal_list, name="signal_list"),
    path("models/", models.model_list, name="model_list"),
    path("orders/", orders.order_list, name="order_list"),
    path("trades/", trades.trade_list, name="trade_list"),
    path("trades.csv", trades.trade_csv, name="trade_csv"),
    path("trades/<uuid:public_id>/", trades.trade_detail, name="trade_detail"),
    path("bots/", bots.bot_list, name="bot_list"),
    path("bots/new/", bots.bot_new, name="bot_new"),
    path("bots/check/", bots.bot_check, name="bot_check"),
    path("bots/<uuid:public_id>/", bots.bot_detail, name="bot_detail"),
    path("bots/<uuid:public_id>/live/", bots.bot_block, name="bot_block"),
    path("bots/<uuid:public_id>/edit/", bots.bot_edit, name="bot_edit"),
    path("bots/<uuid:public_id>/check/", bots.bot_check, name="bot_check_existing"),
    path("bots/<uuid:public_id>/do/<slug:action>/", actions.bot_action, name="bot_action"),
    path("exchange-accounts/", exchange_accounts.account_list, name="account_list"),
    path("exchange-accounts/new/", exchange_accounts.account_new, name="account_new"),
    path("exchange-accounts/select/", overview.account_select, name="account_select"),
    path("exchange-accounts/<uuid:public_id>/keys/", exchange_accounts.account_keys, name="account_keys"),
    path(
        "exchange-accounts/<uuid:public_id>/do/<slug:action>/",
        exchange_accounts.account_action,
        name="account_action",
    ),
    path("alerts/", notices.notice_list, name="notice_list"),
    path("alerts/read/", notices.notices_read, name="notices_read"),
]
