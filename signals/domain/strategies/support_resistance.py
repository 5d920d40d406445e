"""SupportResistance: long when the price turns up at a tested support or breaks a tested resistance, out on the mirror
image. Levels are swing lows and highs that later candles have confirmed; see the indicator `levels`.
"""

from collections.abc import Mapping

import numpy as np

from signals.domain.indicators.catalog import Indicator
from signals.domain.lanes import Lanes
from signals.domain.strategies.base import (
    VOLATILITY,
    Decisions,
    Parameter,
    Strategy,
    Values,
    adapt_parameter,
    before,
    per_atr,
    saturating,
    volatility_scale,
)

HALF = 0.58  # ATRs the candle closed away from the level; about the median bounce of 5m USDT pairs, early 2024


class SupportResistance(Strategy):
    """Confidence: how far from the level the candle closed, in ATRs; 0.5 is about a median bounce."""

    kind = "support_resistance"
    name = "SupportResistance"
    title = "Support and resistance"
    parameters = (
        Parameter("lookback", 100, 20, 400, "Candles in which levels are looked for."),
        Parameter("wing", 3, 1, 10, "Candles on both sides that make a swing."),
        Parameter("touches", 3, 1, 10, "Swings at a level, at least."),
        Parameter(
            "near", 0.25, 0.0, 3.0, "ATRs within which a level counts as reached, and beyond which it is broken."
        ),
        Parameter("atr", 14, 2, 200, "Candles in the range that distances are measured in."),
        adapt_parameter(1.0),
    )

    def indicators(self, values: Values) -> tuple[Indicator, ...]:
        """The levels, the ATR and its ratio to its mean."""
        return Indicator("levels", (values["lookback"], values["wing"])), Indicator("atr", (values["atr"],)), VOLATILITY

    def decide(self, lanes: Lanes, values: Values) -> Decisions:
        """Bounces off and breaks through the levels known at the candle before."""
        levels, spans, ratios = self.indicators(values)
        support, resistance, lows, highs = (before(lanes[name]) for name in levels.columns)
        atr, ratio = lanes[spans.columns[0]], lanes[ratios.columns[0]]
        near = values["near"] * volatility_scale(ratio, values["adapt"]) * atr
        tested_low, tested_high = lows >= values["touches"], highs >= values["touches"]
        rising, falling = lanes.close > lanes.open, lanes.close < lanes.open
        bounce = tested_low & (lanes.low <= support + near) & (lanes.close > support + near) & rising
        rise = tested_high & (before(lanes.close) <= resistance) & (lanes.close > resistance + near)
        rejection = tested_high & (lanes.high >= resistance - near) & (lanes.close < resistance - near) & falling
        fall = tested_low & (before(lanes.close) >= support) & (lanes.close < support - near)
        bounce, rejection = bounce & ~before(bounce), rejection & ~before(rejection)
        buy, sell = bounce | rise, rejection | fall
        level = np.where(rise | rejection, resistance, support)
        away = per_atr(np.abs(lanes.close - level), atr)
        break_through = np.where(rise | fall, 1.0, 0.0)
        return Decisions.of(buy, sell, saturating(away, HALF), level=level, away=away, broken=break_through)

    def reason(self, side: int, values: Values, details: Mapping[str, float]) -> str:
        """Which level, and what the price did there."""
        broke = details["broken"] > 0.0
        verbs = {(True, True): "Broke above", (True, False): "Broke below", (False, True): "Bounced off"}
        verb = verbs.get((broke, side > 0), "Rejected at")
        what = "resistance" if (side > 0) == broke else "support"
        level = np.format_float_positional(details["level"], precision=6, fractional=False, trim="-")  # never 2.3e-05
        return f"{verb} {what} {level}, closed {details['away']:.2f} ATR away"
