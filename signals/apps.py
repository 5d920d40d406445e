"""Django application config."""

from django.apps import AppConfig


class SignalsConfig(AppConfig):
    """The signals room."""

    name = "signals"
    verbose_name = "Market and signals"

    def ready(self) -> None:
        """The strategies are the first sources of signals; staff hear of a GPU that fails, accounts what is traded."""
        from accounts.services.guards import on_currencies_ask
        from signals import explainers, sources
        from signals.custom.explain import custom_again
        from signals.custom.source import CustomStrategySource
        from signals.scan import backend
        from signals.selectors import quotes_traded
        from signals.services.backend import backend_choice_store, backend_fallback_report
        from signals.strategy_source import StrategySource

        sources.register(StrategySource())
        sources.register(CustomStrategySource())
        explainers.explainer_register("custom", custom_again)
        backend.on_fallback(backend_fallback_report)
        backend.on_choice(backend_choice_store)
        on_currencies_ask(quotes_traded)
