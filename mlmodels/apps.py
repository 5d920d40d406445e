"""Django application config."""

from django.apps import AppConfig


class MlmodelsConfig(AppConfig):
    """The mlmodels room."""

    name = "mlmodels"
