"""RSIDivergence: long when price makes a new low that RSI does not, out when price makes a high that RSI does not.

At candle t the extreme is the close of t-1, confirmed by the close of t turning back. It must be the lowest of the
last `lookback` closes; the earlier trough it is compared with is the lowest close at least `apart` candles before,
where RSI must have been oversold. Tops are the mirror image.
"""

from collections.abc import Mapping

import numpy as np

from signals.domain.indicators.catalog import Indicator
from signals.domain.lanes import Lanes
from signals.domain.strategies.base import Decisions, Parameter, ParameterError, Strategy, Values, before, saturating

HALF = 5.6  # points of RSI between the two extremes; the median divergence of 5m USDT pairs, early 2024


class RsiDivergence(Strategy):
    """Confidence: by how many points RSI disagrees with price; 0.5 is a median divergence."""

    kind = "rsi_divergence"
    name = "RSIDivergence"
    title = "RSI divergence"
    parameters = (
        Parameter("period", 14, 2, 200, "Candles in the RSI."),
        Parameter("lookback", 30, 10, 200, "Candles in which the earlier extreme is looked for."),
        Parameter("apart", 5, 2, 50, "Candles between the two extremes, at least."),
        Parameter("oversold", 35.0, 5.0, 50.0, "RSI of the earlier low, at most."),
        Parameter("overbought", 65.0, 50.0, 95.0, "RSI of the earlier high, at least."),
        Parameter("gap", 3.0, 0.0, 50.0, "Points by which RSI must disagree, at least."),
    )

    def check(self, values: Values) -> None:
        """The window must have room for an earlier extreme."""
        if values["apart"] >= values["lookback"]:
            raise ParameterError(
                f"apart must be smaller than lookback, not {values['apart']} and {values['lookback']}."
            )

    def indicators(self, values: Values) -> tuple[Indicator, ...]:
        """The RSI and its disagreements with the close."""
        windows = tuple(values[key] for key in ("period", "lookback", "apart"))
        return Indicator("rsi", (values["period"],)), Indicator("divergence", windows)

    def decide(self, lanes: Lanes, values: Values) -> Decisions:
        """Bullish and bearish divergences, each confirmed by one candle."""
        (rsi,), columns = (tuple(lanes[name] for name in one.columns) for one in self.indicators(values))
        low_gap, low_rsi, high_gap, high_rsi = columns
        turned = lanes.close - before(lanes.close)
        buy = (low_gap >= values["gap"]) & (low_rsi <= values["oversold"]) & (turned > 0.0)
        sell = (high_gap >= values["gap"]) & (high_rsi >= values["overbought"]) & (turned < 0.0)
        gap, earlier = np.where(buy, low_gap, high_gap), np.where(buy, low_rsi, high_rsi)
        return Decisions.of(buy, sell, saturating(gap, HALF), rsi=before(rsi), rsi_earlier=earlier, gap=gap)

    def reason(self, side: int, values: Values, details: Mapping[str, float]) -> str:
        """What price did and RSI did not."""
        extreme = "low" if side > 0 else "high"
        numbers = f"RSI {values['period']} at {details['rsi']:.1f} after {details['rsi_earlier']:.1f}"
        return f"New {extreme} of {values['lookback']} candles that RSI does not confirm ({numbers})"
