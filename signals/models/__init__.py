"""The models of this room, one file a topic."""

from signals.models.custom import CustomStrategy
from signals.models.market import CandleHole, CandleSeries, ExchangeState, Instrument
from signals.models.selection import SelectionStep, SymbolTrouble
from signals.models.signal import SIDES, Outcome, Scan, Signal, Strategy
from signals.models.xray import Regime, RegimeResult, SymbolXray

__all__ = [
    "SIDES",
    "CandleHole",
    "CandleSeries",
    "CustomStrategy",
    "ExchangeState",
    "Instrument",
    "Outcome",
    "Regime",
    "RegimeResult",
    "Scan",
    "SelectionStep",
    "Signal",
    "Strategy",
    "SymbolTrouble",
    "SymbolXray",
]
