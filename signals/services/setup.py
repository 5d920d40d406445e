"""What an exchange needs before it can be scanned: its markets, a selection of symbols, and the strategies."""

from datetime import timedelta

from accounts.clock import now
from signals.selectors import symbols_selected
from signals.services.exchange_state import exchange_state_get
from signals.services.markets import markets_load
from signals.services.selection import instruments_select
from signals.services.strategies import strategies_ensure

FRESH = timedelta(hours=1)


def exchange_prepare(*, exchange: str) -> list[str]:
    """Load markets and select symbols unless that was done within the hour; make the default strategies.

    Returns the selected symbols. Raises ExchangeRetry when the exchange cannot be reached.
    """
    strategies_ensure()
    state = exchange_state_get(exchange=exchange)
    selected = symbols_selected(exchange=exchange)
    if selected and state.markets_loaded_at is not None and now() - state.markets_loaded_at < FRESH:
        return selected
    markets_load(exchange=exchange)
    return instruments_select(exchange=exchange)
