"""The registry of strategies: a kind's name to its one instance."""

from signals.domain.strategies.base import ParameterError, Strategy
from signals.domain.strategies.bollinger_breakout import BollingerBreakout
from signals.domain.strategies.ma_cross import MovingAverageCross
from signals.domain.strategies.macd_trend import MacdTrend
from signals.domain.strategies.momentum import Momentum
from signals.domain.strategies.rsi_divergence import RsiDivergence
from signals.domain.strategies.squeeze import Squeeze
from signals.domain.strategies.support_resistance import SupportResistance
from signals.domain.strategies.trend import Trend
from signals.domain.strategies.volume_flow import VolumeFlow

REGISTRY: dict[str, Strategy] = {
    strategy.kind: strategy
    for strategy in (
        MovingAverageCross(),
        RsiDivergence(),
        BollingerBreakout(),
        MacdTrend(),
        Momentum(),
        SupportResistance(),
        Trend(),
        Squeeze(),
        VolumeFlow(),
    )
}


def strategy_of(kind: str) -> Strategy:
    """The strategy of a kind; ParameterError names the kinds there are."""
    try:
        return REGISTRY[kind]
    except KeyError:
        raise ParameterError(f"Unknown strategy kind {kind!r}. Allowed: {', '.join(REGISTRY)}.") from None
