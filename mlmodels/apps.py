"""Django application config."""

from django.apps import AppConfig


class MlmodelsConfig(AppConfig):
    """The mlmodels room; it registers the serving model as a source of signals."""

    name = "mlmodels"
    verbose_name = "Models"

    def ready(self) -> None:
        """Register the source: a small object, models are loaded at the first scan that has a champion."""
        from mlmodels.source import ModelSource
        from signals.sources import register

        register(ModelSource())
