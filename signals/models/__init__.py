"""The models of this room, one file a topic."""

from signals.models.aggregation import Blacklist, RefusedSignal, SourceWeight
from signals.models.custom import CustomStrategy
from signals.models.market import CandleHole, CandleSeries, ExchangeState, Instrument
from signals.models.selection import SelectionStep, SymbolTrouble
from signals.models.signal import SIDES, Outcome, Scan, Signal, Strategy
from signals.models.xray import Regime, RegimeResult, SymbolXray

__all__ = [
    "SIDES",
    "Blacklist",
    "CandleHole",
    "CandleSeries",
    "CustomStrategy",
    "ExchangeState",
    "Instrument",
    "Outcome",
    "RefusedSignal",
    "Regime",
    "RegimeResult",
    "Scan",
    "SelectionStep",
    "Signal",
    "SourceWeight",
    "Strategy",
    "SymbolTrouble",
    "SymbolXray",
]
