"""BollingerBandsBreakout: long when the close leaves the bands upwards, out when it leaves them downwards."""

from collections.abc import Mapping

import numpy as np

from signals.domain.indicators.catalog import Indicator
from signals.domain.lanes import Lanes
from signals.domain.strategies.base import Decisions, Parameter, Strategy, Values, crossed_above, per_atr, saturating

HALF = 0.22  # ATRs beyond the band; the median breakout of 5m USDT pairs, early 2024


class BollingerBreakout(Strategy):
    """Confidence: how far beyond the band the candle closed, in ATRs; 0.5 is a median breakout."""

    kind = "bollinger_breakout"
    name = "BollingerBandsBreakout"
    title = "Bollinger bands breakout"
    parameters = (
        Parameter("period", 20, 5, 400, "Candles in the middle band."),
        Parameter("width", 2.0, 0.5, 5.0, "Standard deviations from the middle to a band."),
        Parameter("atr", 14, 2, 200, "Candles in the range that strength is measured in."),
    )

    def indicators(self, values: Values) -> tuple[Indicator, ...]:
        """The bands and the ATR."""
        return Indicator("bb", (values["period"], values["width"])), Indicator("atr", (values["atr"],))

    def decide(self, lanes: Lanes, values: Values) -> Decisions:
        """First closes outside the bands."""
        bands, spans = self.indicators(values)
        upper, _middle, lower = (lanes[name] for name in bands.columns)
        atr, close = lanes[spans.columns[0]], lanes.close
        buy, sell = crossed_above(close, upper), crossed_above(lower, close)
        beyond = per_atr(np.where(buy, close - upper, lower - close), atr)
        return Decisions.of(buy, sell, saturating(beyond, HALF), upper=upper, lower=lower, atr=atr, beyond=beyond)

    def reason(self, side: int, values: Values, details: Mapping[str, float]) -> str:
        """Which band broke, and by how much."""
        where = "above the upper" if side > 0 else "below the lower"
        band = f"Bollinger band ({values['period']}, {values['width']:g})"
        return f"Closed {details['beyond']:.2f} ATR {where} {band}"
