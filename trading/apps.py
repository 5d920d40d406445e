"""Django application config."""

from django.apps import AppConfig


class TradingConfig(AppConfig):
    """The trading room."""

    name = "trading"
