"""Admin of the market side, one file a topic."""

from signals.admin import aggregation, custom, market, selection, signal, strategy, xray
from signals.admin.market import exchange_action_add

__all__ = ["aggregation", "custom", "exchange_action_add", "market", "selection", "signal", "strategy", "xray"]
