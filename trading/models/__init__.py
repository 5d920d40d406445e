"""Everything trading stores, one file per family."""

from trading.models.account import AccountLease, Balance, BalanceSnapshot, LedgerEntry
from trading.models.bot import Bot, BotConfig
from trading.models.check import AccountCheck
from trading.models.order import Fill, Intent, Order
from trading.models.pool import Position, Trade, TradingStats
from trading.models.record import DecisionRecord, RiskEvent
from trading.models.stop import StopSwitch
from trading.models.sweep import SweepResult, SweepRun

__all__ = [
    "AccountCheck",
    "AccountLease",
    "Balance",
    "BalanceSnapshot",
    "Bot",
    "BotConfig",
    "DecisionRecord",
    "Fill",
    "Intent",
    "LedgerEntry",
    "Order",
    "Position",
    "RiskEvent",
    "StopSwitch",
    "SweepResult",
    "SweepRun",
    "Trade",
    "TradingStats",
]
