"""The API of the models."""

from rest_framework.routers import SimpleRouter

from mlmodels.api.views import ModelViews

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("models", ModelViews, basename="api-models")

urlpatterns = router.urls
