"""Django application config."""

from django.apps import AppConfig


class TradingConfig(AppConfig):
    """The trading room."""

    name = "trading"
    verbose_name = "Trading"

    def ready(self) -> None:
        """Listen to the rooms below: new signals, quotes, notices, streams, and what the store saves."""
        from trading import listeners

        listeners.register()
