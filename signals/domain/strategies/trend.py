"""Trend: long when Supertrend turns up in a directed market whose larger candles rise too, out when it turns down."""

from collections.abc import Mapping

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
    saturating,
    volatility_scale,
)

HALF = 5.6  # points of ADX above the threshold; about the median turn of 5m USDT pairs, early 2024


class Trend(Strategy):
    """Confidence: how far ADX is above its threshold; 0.5 is about a median turn."""

    kind = "trend"
    name = "Trend"
    title = "Trend"
    parameters = (
        Parameter("period", 10, 2, 100, "Candles in Supertrend's range."),
        Parameter("width", 3.0, 0.5, 10.0, "Supertrend's distance, in ranges."),
        Parameter("adx", 14, 2, 100, "Candles in ADX."),
        Parameter("strength", 15.0, 0.0, 60.0, "ADX, at least."),
        Parameter("minutes", 15, 1, 1440, "Length of the larger candles, in minutes."),
        Parameter("larger", 20, 2, 200, "Larger candles in the average that the close must be above to enter."),
        adapt_parameter(1.0),
    )

    def indicators(self, values: Values) -> tuple[Indicator, ...]:
        """Supertrend, ADX, the average of larger candles, and the ATR's ratio to its mean."""
        return (
            Indicator("supertrend", (values["period"], values["width"])),
            Indicator("adx", (values["adx"],)),
            Indicator("ema", (values["larger"],), int(values["minutes"])),
            VOLATILITY,
        )

    def decide(self, lanes: Lanes, values: Values) -> Decisions:
        """Turns of Supertrend."""
        turns, strengths, averages, ratios = self.indicators(values)
        line, direction = (lanes[name] for name in turns.columns)
        adx, plus, minus = (lanes[name] for name in strengths.columns)
        average, ratio = lanes[averages.columns[0]], lanes[ratios.columns[0]]
        needed = values["strength"] * volatility_scale(ratio, values["adapt"])
        up, down = (direction > 0.0) & (before(direction) < 0.0), (direction < 0.0) & (before(direction) > 0.0)
        down = down & (adx >= 0.0)
        buy = up & (adx >= needed) & (plus > minus) & (lanes.close > average)
        details = {"supertrend": line, "adx": adx, "needed": needed, "average": average}
        return Decisions.of(buy, down, saturating(adx - needed, HALF), **details)

    def reason(self, side: int, values: Values, details: Mapping[str, float]) -> str:
        """Where Supertrend turned, and how directed the market is."""
        numbers = f"Supertrend ({values['period']}, {values['width']:g})"
        if side > 0:
            above = f"close above EMA {values['larger']} of {values['minutes']} minutes"
            return f"{numbers} turned up, ADX {details['adx']:.0f}, {above}"
        return f"{numbers} turned down, ADX {details['adx']:.0f}"
