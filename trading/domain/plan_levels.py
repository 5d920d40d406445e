"""What a plan may ask beside one stop and one target: trailing, breakeven, steps out and in.

Fractions are fractions: 0.01 is 1 %.
"""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ProfitStep:
    """At `gain` above the average entry, sell `share` of all that the position came to hold."""

    gain: Decimal
    share: Decimal


@dataclass(frozen=True, slots=True)
class AddStep:
    """At `fall` below the first entry's price, buy again for `share` of what the first entry cost (DCA)."""

    fall: Decimal
    share: Decimal


@dataclass(frozen=True, slots=True)
class PlanLevels:
    """Zero or empty: not asked for."""

    trailing: Decimal = Decimal(0)  # how far below the bid the stop follows it up
    trailing_after: Decimal = Decimal(0)  # the gain from which on it does
    breakeven_after: Decimal = Decimal(0)  # the gain from which on the stop covers entry and fees
    profit_steps: tuple[ProfitStep, ...] = ()  # rising gains below the target, shares of at most 1 together
    add_steps: tuple[AddStep, ...] = ()  # rising falls
    maker_exit: bool = False  # profits are taken as maker for a while, then at the market
    at_exchange: bool = False  # a stop rests there, where `InstrumentSpec.holds_stops`


NO_LEVELS = PlanLevels()
