"""The API of trading."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from trading.api import trades
from trading.api.bots import BotConfigValidateView, BotConfigVersionsView, BotConfigView, BotViews
from trading.api.comparing import CompareView
from trading.api.deposit import DepositHistoryView, DepositView
from trading.api.risk import CountAnewView, LimitsView, RiskEventViews
from trading.api.stops import StopViews

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
for name, views in {
    "bots": BotViews,
    "intents": trades.IntentViews,
    "orders": trades.OrderViews,
    "fills": trades.FillViews,
    "positions": trades.PositionViews,
    "trades": trades.TradeViews,
    "stats": trades.StatsViews,
    "equity": trades.EquityViews,
    "balances": trades.BalanceViews,
    "stops": StopViews,
    "risk-events": RiskEventViews,
}.items():
    router.register(name, views, basename=f"api-{name}")

LIMITS = "exchange-accounts/<uuid:public_id>/limits"
DEPOSIT = "exchange-accounts/<uuid:public_id>/deposit"
COMPARE = "exchange-accounts/<uuid:public_id>/compare"
CONFIG = "bots/<uuid:public_id>/config"

urlpatterns = [
    path(LIMITS, LimitsView.as_view(), name="api-limits"),
    path(f"{LIMITS}/count-anew", CountAnewView.as_view(), name="api-limits-count-anew"),
    path(DEPOSIT, DepositView.as_view(), name="api-deposit"),
    path(f"{DEPOSIT}/history", DepositHistoryView.as_view(), name="api-deposit-history"),
    path(COMPARE, CompareView.as_view(), name="api-compare"),
    path(CONFIG, BotConfigView.as_view(), name="api-bot-config"),
    path(f"{CONFIG}/validate", BotConfigValidateView.as_view(), name="api-bot-config-validate"),
    path(f"{CONFIG}/versions", BotConfigVersionsView.as_view(), name="api-bot-config-versions"),
    path(f"trading/{CONFIG}", BotConfigView.as_view()),  # the address of old scripts
    path(f"trading/{CONFIG}/validate", BotConfigValidateView.as_view()),
    *router.urls,
]
