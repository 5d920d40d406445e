"""MACDTrendFollowing: long when MACD crosses above its signal in a rising market, out on any cross below it."""

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

HALF = 0.064  # ATRs the histogram moved in the crossing candle; the median cross of 5m USDT pairs, early 2024


class MacdTrend(Strategy):
    """Confidence: how fast the histogram turns in the crossing candle, in ATRs; 0.5 is a median cross."""

    kind = "macd_trend"
    name = "MACDTrendFollowing"
    title = "MACD trend following"
    parameters = (
        Parameter("fast", 12, 2, 200, "Candles in the fast average."),
        Parameter("slow", 26, 3, 400, "Candles in the slow average; more than in the fast one."),
        Parameter("signal", 9, 2, 100, "Candles in the average of MACD."),
        Parameter("trend", 100, 10, 500, "Candles in the average that the close must be above to enter."),
        Parameter("atr", 14, 2, 200, "Candles in the range that strength is measured in."),
    )

    def check(self, values: Values) -> None:
        """The fast average must be faster."""
        if values["fast"] >= values["slow"]:
            raise ParameterError(f"fast must be smaller than slow, not {values['fast']} and {values['slow']}.")

    def indicators(self, values: Values) -> tuple[Indicator, ...]:
        """MACD, the trend's EMA and the ATR."""
        macd = Indicator("macd", (values["fast"], values["slow"], values["signal"]))
        return macd, Indicator("ema", (values["trend"],)), Indicator("atr", (values["atr"],))

    def decide(self, lanes: Lanes, values: Values) -> Decisions:
        """Crosses of MACD and its signal; upwards ones only above the trend's average."""
        macd, trend, spans = self.indicators(values)
        line, signal, hist = (lanes[name] for name in macd.columns)
        average, atr = lanes[trend.columns[0]], lanes[spans.columns[0]]
        speed = per_atr(np.abs(hist - before(hist)), atr)
        buy = crossed_above(line, signal) & (lanes.close > average)
        sell = crossed_above(signal, line)
        details = {"macd": line, "macd_signal": signal, "trend": average, "atr": atr, "speed": speed}
        return Decisions.of(buy, sell, saturating(speed, HALF), **details)

    def reason(self, side: int, values: Values, details: Mapping[str, float]) -> str:
        """Where MACD crossed its signal and how fast."""
        numbers = f"({values['fast']}, {values['slow']}, {values['signal']})"
        speed = f"by {details['speed']:.2f} ATR a candle"
        if side > 0:
            return f"MACD {numbers} crossed above its signal {speed}, close above EMA {values['trend']}"
        return f"MACD {numbers} crossed below its signal {speed}"
