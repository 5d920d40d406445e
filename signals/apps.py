"""Django application config."""

from django.apps import AppConfig


class SignalsConfig(AppConfig):
    """The signals room."""

    name = "signals"
    verbose_name = "Market and signals"

    def ready(self) -> None:
        """The strategies are the first source of signals."""
        from signals import sources
        from signals.strategy_source import StrategySource

        sources.register(StrategySource())
