"""The API of signals."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from signals.api.views import InstrumentViews, SignalViews, StrategyViews
from signals.api.xray import XrayHistoryView, XrayViews

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("signals", SignalViews, basename="api-signals")
router.register("strategies", StrategyViews, basename="api-strategies")
router.register("instruments", InstrumentViews, basename="api-instruments")
router.register("xray", XrayViews, basename="api-xray")

urlpatterns = [*router.urls, path("xray/<path:symbol>/history", XrayHistoryView.as_view(), name="api-xray-history")]
