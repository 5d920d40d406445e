"""The API of signals."""

from rest_framework.routers import SimpleRouter

from signals.api.views import InstrumentViews, SignalViews, StrategyViews

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("signals", SignalViews, basename="api-signals")
router.register("strategies", StrategyViews, basename="api-strategies")
router.register("instruments", InstrumentViews, basename="api-instruments")

urlpatterns = router.urls
