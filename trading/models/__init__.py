"""Everything trading stores, one file per family."""

from trading.models.account import AccountLease, Balance, BalanceSnapshot, LedgerEntry
from trading.models.bot import Bot, BotConfig, OnBreach
from trading.models.check import AccountCheck
from trading.models.limits import AccountLimits, CapacityHold, PairCapacity, PlatformLimits
from trading.models.odd_answer import OddFee, QuarantinedAnswer
from trading.models.order import Fill, Intent, Order
from trading.models.pool import Position, Trade, TradingStats
from trading.models.record import DecisionRecord, RiskEvent
from trading.models.request_key import RequestKey
from trading.models.stop import StopSwitch
from trading.models.sweep import SweepResult, SweepRun

__all__ = [
    "AccountCheck",
    "AccountLease",
    "AccountLimits",
    "Balance",
    "BalanceSnapshot",
    "Bot",
    "BotConfig",
    "CapacityHold",
    "DecisionRecord",
    "Fill",
    "Intent",
    "LedgerEntry",
    "OddFee",
    "OnBreach",
    "Order",
    "PairCapacity",
    "PlatformLimits",
    "Position",
    "QuarantinedAnswer",
    "RequestKey",
    "RiskEvent",
    "StopSwitch",
    "SweepResult",
    "SweepRun",
    "Trade",
    "TradingStats",
]
