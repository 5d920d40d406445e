"""Momentum: long when the price has run up far for its range and the run is young, out when it has run down as far."""

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
    crossed_above,
    per_atr,
    saturating,
    volatility_scale,
)

HALF = 0.35  # ATRs beyond the threshold; about the median run of 5m USDT pairs, early 2024


class Momentum(Strategy):
    """Confidence: how far the move exceeds the threshold, in ATRs; 0.5 is about a median run."""

    kind = "momentum"
    name = "Momentum"
    title = "Momentum"
    parameters = (
        Parameter("period", 10, 2, 200, "Candles over which the move is measured."),
        Parameter("run", 3.0, 0.5, 20.0, "ATRs the price must have moved in that time."),
        Parameter("rsi", 14, 2, 200, "Candles in the RSI that must be on the move's side of 50."),
        Parameter("atr", 14, 2, 200, "Candles in the range that moves are measured in."),
        adapt_parameter(1.0),
    )

    def indicators(self, values: Values) -> tuple[Indicator, ...]:
        """The move, the RSI, the ATR and its ratio to its mean."""
        kinds = (("mom", "period"), ("rsi", "rsi"), ("atr", "atr"))
        return *(Indicator(kind, (values[key],)) for kind, key in kinds), VOLATILITY

    def decide(self, lanes: Lanes, values: Values) -> Decisions:
        """The candle in which the move first exceeds the threshold."""
        move, rsi, atr, ratio = (lanes[one.columns[0]] for one in self.indicators(values))
        run, needed = per_atr(move, atr), values["run"] * volatility_scale(ratio, values["adapt"])
        buy = crossed_above(run, needed) & (rsi > 50.0)
        sell = crossed_above(-needed, run) & (rsi < 50.0)
        return Decisions.of(buy, sell, saturating(np.abs(run) - needed, HALF), run=run, needed=needed, rsi=rsi)

    def reason(self, side: int, values: Values, details: Mapping[str, float]) -> str:
        """How far it ran."""
        where = "up" if side > 0 else "down"
        numbers = f"{abs(details['run']):.1f} ATR in {values['period']} candles (threshold {details['needed']:.1f})"
        return f"Ran {where} {numbers}, RSI {values['rsi']} at {details['rsi']:.0f}"
