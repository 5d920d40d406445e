"""MovingAverage: long when the fast average crosses above the slow one, out when it crosses below."""

from collections.abc import Mapping

import numpy as np

from signals.domain.indicators.catalog import Indicator
from signals.domain.lanes import Lanes
from signals.domain.strategies.base import (
    Decisions,
    Parameter,
    ParameterError,
    Strategy,
    Values,
    before,
    crossed_above,
    per_atr,
    saturating,
)

HALF = 0.19  # ATRs the averages moved apart in the crossing candle; the median cross of 5m USDT pairs, early 2024


class MovingAverageCross(Strategy):
    """Confidence: how fast the averages part in the crossing candle, in ATRs; 0.5 is a median cross."""

    kind = "ma_cross"
    name = "MovingAverage"
    title = "Moving average cross"
    parameters = (
        Parameter("fast", 10, 2, 400, "Candles in the fast average."),
        Parameter("slow", 30, 3, 800, "Candles in the slow average; more than in the fast one."),
        Parameter("atr", 14, 2, 200, "Candles in the range that strength is measured in."),
    )

    def check(self, values: Values) -> None:
        """The fast average must be faster."""
        if values["fast"] >= values["slow"]:
            raise ParameterError(f"fast must be smaller than slow, not {values['fast']} and {values['slow']}.")

    def indicators(self, values: Values) -> tuple[Indicator, ...]:
        """Two SMAs and the ATR."""
        return tuple(
            Indicator(kind, (values[key],)) for kind, key in (("sma", "fast"), ("sma", "slow"), ("atr", "atr"))
        )

    def decide(self, lanes: Lanes, values: Values) -> Decisions:
        """Crosses in either direction."""
        fast, slow, atr = (lanes[indicator.columns[0]] for indicator in self.indicators(values))
        apart = fast - slow
        speed = per_atr(np.abs(apart - before(apart)), atr)
        buy, sell = crossed_above(fast, slow), crossed_above(slow, fast)
        return Decisions.of(buy, sell, saturating(speed, HALF), fast=fast, slow=slow, atr=atr, speed=speed)

    def reason(self, side: int, values: Values, details: Mapping[str, float]) -> str:
        """Which average crossed which, and how fast."""
        where = "above" if side > 0 else "below"
        return (
            f"SMA {values['fast']} crossed {where} SMA {values['slow']}, parting by {details['speed']:.2f} ATR a candle"
        )
