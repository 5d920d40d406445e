"""VolumeFlow: long when far more than usual is traded and it is bought, out when it is sold."""

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
    crossed_above,
    saturating,
    volatility_scale,
)

HALF = 0.82  # deviations of volume above the threshold; about the median surge of 5m USDT pairs, early 2024


class VolumeFlow(Strategy):
    """The volume family. Confidence: how unusual the volume is; 0.5 is about a median surge."""

    kind = "volume_flow"
    name = "VolumeFlow"
    title = "Volume flow"
    parameters = (
        Parameter("period", 20, 5, 400, "Candles that volume is compared with."),
        Parameter("surge", 2.0, 0.5, 10.0, "Standard deviations above its mean."),
        Parameter("flow", 0.1, 0.0, 1.0, "Chaikin money flow (-1 to 1), at least."),
        adapt_parameter(1.0),
    )

    def indicators(self, values: Values) -> tuple[Indicator, ...]:
        """The volume's deviation, money flow, the volume-weighted price and the ATR's ratio to its mean."""
        period = (values["period"],)
        return *(Indicator(kind, period) for kind in ("volume_z", "cmf", "vwap_rolling")), VOLATILITY

    def decide(self, lanes: Lanes, values: Values) -> Decisions:
        """Candles in which volume surges on one side."""
        surge, flow, fair, ratio = (lanes[one.columns[0]] for one in self.indicators(values))
        needed = values["surge"] * volatility_scale(ratio, values["adapt"])
        surging = crossed_above(surge, needed)
        buy = surging & (flow >= values["flow"]) & (lanes.close > fair) & (lanes.close > lanes.open)
        sell = surging & (flow <= -values["flow"]) & (lanes.close < fair) & (lanes.close < lanes.open)
        details = {"surge": surge, "needed": needed, "flow": flow, "fair": fair}
        return Decisions.of(buy, sell, saturating(surge - needed, HALF), **details)

    def reason(self, side: int, values: Values, details: Mapping[str, float]) -> str:
        """How unusual, and which way."""
        way = "bought" if side > 0 else "sold"
        return f"Volume {details['surge']:.1f} deviations above its mean is {way} (money flow {details['flow']:+.2f})"
