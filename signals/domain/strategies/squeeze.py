"""Squeeze: long when the price leaves the Bollinger bands upwards after they have lain inside the Keltner channel, out
when it leaves them downwards.
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
    crossed_above,
    per_atr,
    saturating,
    volatility_scale,
)

HALF = 0.21  # ATRs beyond the band; about the median release of 5m USDT pairs, early 2024


class Squeeze(Strategy):
    """The volatility family. Confidence: how far beyond the Bollinger band the candle closed, in ATRs."""

    kind = "squeeze"
    name = "VolatilitySqueeze"
    title = "Volatility squeeze"
    parameters = (
        Parameter("period", 20, 5, 200, "Candles in both channels."),
        Parameter("width", 2.0, 0.5, 5.0, "Standard deviations to a Bollinger band."),
        Parameter("channel", 1.5, 0.5, 5.0, "Ranges to a Keltner line."),
        Parameter("recent", 5, 1, 30, "Candles within which the bands must have been inside."),
        Parameter("atr", 14, 2, 200, "Candles in the range that strength is measured in."),
        adapt_parameter(1.0),
    )

    def indicators(self, values: Values) -> tuple[Indicator, ...]:
        """Both channels, the ATR and its ratio to its mean."""
        return (
            Indicator("bb", (values["period"], values["width"])),
            Indicator("kc", (values["period"], values["atr"], values["channel"])),
            Indicator("atr", (values["atr"],)),
            VOLATILITY,
        )

    def decide(self, lanes: Lanes, values: Values) -> Decisions:
        """The first close outside the bands soon after a squeeze."""
        bands, channels, spans, ratios = self.indicators(values)
        upper, _middle, lower = (lanes[name] for name in bands.columns)
        roof, centre, floor = (lanes[name] for name in channels.columns)
        atr, ratio = lanes[spans.columns[0]], lanes[ratios.columns[0]]
        scale = volatility_scale(ratio, values["adapt"])
        inside = (upper < centre + (roof - centre) * scale) & (lower > centre + (floor - centre) * scale)
        squeezed = before(inside)
        for candles in range(2, int(values["recent"]) + 1):
            squeezed = squeezed | before(inside, candles)
        buy = squeezed & crossed_above(lanes.close, upper)
        sell = squeezed & crossed_above(lower, lanes.close)
        beyond = per_atr(np.where(buy, lanes.close - upper, lower - lanes.close), atr)
        return Decisions.of(buy, sell, saturating(beyond, HALF), upper=upper, lower=lower, beyond=beyond, scale=scale)

    def reason(self, side: int, values: Values, details: Mapping[str, float]) -> str:
        """Which way it went."""
        where = "above" if side > 0 else "below"
        bands = f"Bollinger ({values['period']}, {values['width']:g})"
        bands = f"Bollinger ({values['period']}, {values['width']:g})"
        return f"Closed {details['beyond']:.2f} ATR {where} {bands} after a squeeze"
