"""Django application config."""

from django.apps import AppConfig


class SignalsConfig(AppConfig):
    """The signals room."""

    name = "signals"
