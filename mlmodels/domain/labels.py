"""The label: would a long entry after this candle have made money, costs included? (Triple barrier.)

Formula, for the candle t of one instrument, with horizon H candles and round-trip cost c (two taker fees + the spread):

    entry  e = open[t+1]
    width  w = max(WIDTH * volatility30[t] * sqrt(H), MIN_WIDTH_COSTS * c)
           (volatility30: standard deviation of the last 30 log changes, as known at t)
    exit   the first of, over the candles t+1 .. t+H:
             low  <= e * (1 - w)  -> the stop, or the candle's open where it opened below it
             high >= e * (1 + w)  -> the target
           a candle that holds both counts as the stop; neither within H candles -> close[t+H]
    net    = (exit / e) * (1 - c/2) / (1 + c/2) - 1
    label  = 1 if net > 0 else 0

Rows without all H later candles, or with one of them missing, have no label (`known` is False).
Source: M. Lopez de Prado, Advances in Financial Machine Learning, 3.4 (triple barrier), 3.3 (volatility widths).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlmodels.domain.features import Candles
from mlmodels.domain.rolling import Array, rolling_std, shifted

HORIZON = 15
WIDTH = 1.0
MIN_WIDTH_COSTS = 2.0
VOLATILITY_WINDOW = 30


@dataclass(frozen=True)
class Labels:
    """Arrays (symbols, time): net return of the trade, float64; whether it is known, bool."""

    net: Array
    known: NDArray[np.bool_]

    @property
    def wins(self) -> NDArray[np.bool_]:
        """The label itself."""
        return self.net > 0.0


def net_return(gross: Array, cost: Array) -> Array:
    """Return after the round-trip cost, half of it paid on entry and half on exit; fractions."""
    return (1.0 + gross) * (1.0 - cost / 2.0) / (1.0 + cost / 2.0) - 1.0


def _ahead(values: Array, by: int) -> Array:
    result = np.full_like(values, np.nan)
    result[:, : values.shape[1] - by] = values[:, by:]
    return result


def barrier_width(close: Array, cost: Array, horizon: int) -> Array:
    """Distance of both barriers from the entry, a fraction, (symbols, time)."""
    volatility = rolling_std(np.log(close / shifted(close, 1)), VOLATILITY_WINDOW)
    return np.maximum(WIDTH * volatility * np.sqrt(horizon), MIN_WIDTH_COSTS * cost[:, None])


def labels_compute(candles: Candles, cost: Array, *, horizon: int = HORIZON) -> Labels:
    """Labels of every candle; `cost` is the round trip per symbol, a fraction, (symbols,).

    Raises ValueError when the horizon is not positive.
    """
    if horizon < 1:
        raise ValueError(f"The horizon must be at least 1 candle, not {horizon}.")
    shape = candles.close.shape
    if shape[1] <= horizon:
        return Labels(np.full(shape, np.nan), np.zeros(shape, dtype=bool))
    width = barrier_width(candles.close, cost, horizon)
    gross = _barrier_exit(candles, width, horizon)
    net = net_return(gross, cost[:, None])
    return Labels(net, np.isfinite(net))


def _barrier_exit(candles: Candles, width: Array, horizon: int) -> Array:
    """Gross return of the trade at its exit; NaN where the width or any candle ahead is missing."""
    entry = _ahead(candles.open, 1)
    gross = np.full(entry.shape, np.nan)
    missing = np.zeros(entry.shape, dtype=bool)
    for step in range(1, horizon + 1):
        opened, high, low, close = (
            _ahead(side, step) / entry - 1.0 for side in (candles.open, candles.high, candles.low, candles.close)
        )
        missing |= ~np.isfinite(opened + high + low + close)
        is_open = np.isnan(gross)
        stopped, reached = is_open & (low <= -width), is_open & (high >= width)
        gross = np.where(reached, width, gross)
        gross = np.where(stopped, np.minimum(opened, -width), gross)
        if step == horizon:
            gross = np.where(np.isnan(gross), close, gross)
    return np.where(missing | ~np.isfinite(width), np.nan, gross)
