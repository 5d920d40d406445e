"""Django application config."""

from django.apps import AppConfig


class MlmodelsConfig(AppConfig):
    """The mlmodels room; it registers the serving model as a source of signals."""

    name = "mlmodels"
    verbose_name = "Models"

    def ready(self) -> None:
        """Register the source and who explains its signals; models are loaded at the first scan with a champion."""
        from mlmodels.explain import model_again
        from mlmodels.source import ModelSource
        from signals.explainers import explainer_register
        from signals.sources import register

        register(ModelSource())
        explainer_register("model", model_again)
