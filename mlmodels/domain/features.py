"""What a model sees of a candle: scale-free numbers from the last `LOOKBACK` candles of one instrument.

Training and serving call the same `features_compute`; every feature is a function of a fixed window that ends at its
own candle, so the row that serves equals the row that trained and nothing later is seen. There is no hour of the day:
a replayed market runs faster than the clock. Missing values: a candle that is missing, or whose prices are not
positive, makes every feature whose window holds it NaN; a row with any NaN is neither trained on nor predicted
(`rows_usable`). A flat window (no range, no volume, no movement) gives the neutral value of its feature, not NaN.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mlmodels.domain.rolling import (
    Array,
    ratio,
    rolling_max,
    rolling_mean,
    rolling_min,
    rolling_std,
    rolling_sum,
    shifted,
)

FEATURES: tuple[str, ...] = (
    "change_1",
    "change_3",
    "change_10",
    "change_30",
    "momentum_10",
    "volatility_10",
    "volatility_60",
    "volatility_ratio",
    "ma_gap_10",
    "ma_gap_30",
    "ma_gap_60",
    "rsi_14",
    "rsi_change_5",
    "range_position_30",
    "range_position_60",
    "body",
    "range_size",
    "flow_1",
    "flow_5",
    "flow_20",
    "volume_z_30",
    "volume_ratio_5",
)
LOOKBACK = 61
"""Candles that the longest window reaches back, its own candle included."""


class Candles(Protocol):
    """What is read of a `signals.candles.matrix.CandleMatrix`: float64 arrays (symbols, time), NaN where missing."""

    @property
    def open(self) -> Array: ...  # noqa: D102
    @property
    def high(self) -> Array: ...  # noqa: D102
    @property
    def low(self) -> Array: ...  # noqa: D102
    @property
    def close(self) -> Array: ...  # noqa: D102
    @property
    def volume(self) -> Array: ...  # noqa: D102
    @property
    def open_time_ms(self) -> NDArray[np.int64]: ...  # noqa: D102
    @property
    def symbols(self) -> Sequence[str]: ...  # noqa: D102


def _positive(prices: Array) -> Array:
    prices = np.asarray(prices, dtype=np.float64)
    return np.where(prices > 0.0, prices, np.nan)


def _rsi(change: Array, window: int) -> Array:
    """Cutler's RSI, 0 to 1: gains over gains and losses, by plain sums (Wilder's never forgets where it began)."""
    gains = rolling_sum(np.maximum(change, 0.0), window)
    losses = rolling_sum(np.maximum(-change, 0.0), window)
    return ratio(gains, gains + losses, neutral=0.5)


def _trend_columns(close: Array, step: Array) -> dict[str, Array]:
    columns = {f"change_{lag}": np.log(close / shifted(close, lag)) for lag in (1, 3, 10, 30)}
    columns |= {f"volatility_{window}": rolling_std(step, window) for window in (10, 60)}
    columns |= {f"ma_gap_{window}": close / rolling_mean(close, window) - 1.0 for window in (10, 30, 60)}
    columns["momentum_10"] = ratio(columns["change_10"], columns["volatility_60"] * np.sqrt(10.0))
    columns["volatility_ratio"] = ratio(columns["volatility_10"], columns["volatility_60"], neutral=1.0)
    columns["rsi_14"] = _rsi(step, 14)
    columns["rsi_change_5"] = columns["rsi_14"] - shifted(columns["rsi_14"], 5)
    return columns


def _shape_columns(opened: Array, high: Array, low: Array, close: Array, volatility: Array) -> dict[str, Array]:
    columns: dict[str, Array] = {}
    for window in (30, 60):
        top, bottom = rolling_max(high, window), rolling_min(low, window)
        columns[f"range_position_{window}"] = ratio(close - bottom, top - bottom, neutral=0.5)
    columns["body"] = ratio(close - opened, high - low)
    columns["range_size"] = ratio((high - low) / close, volatility)
    return columns


def _flow_columns(high: Array, low: Array, close: Array, volume: Array) -> dict[str, Array]:
    """Net flow guessed from where a candle closes in its range (the close location value of Chaikin's money flow)."""
    location = ratio((close - low) - (high - close), high - low)
    columns = {"flow_1": location}
    for window in (5, 20):
        columns[f"flow_{window}"] = ratio(rolling_sum(location * volume, window), rolling_sum(volume, window))
    mean = rolling_mean(volume, 30)
    columns["volume_z_30"] = ratio(volume - mean, rolling_std(volume, 30))
    columns["volume_ratio_5"] = ratio(rolling_mean(volume, 5), mean, neutral=1.0)
    return columns


def features_compute(candles: Candles) -> Array:
    """Features of every candle, float64 (symbols, time, features), columns in the order of `FEATURES`."""
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = _columns(candles)
    result = np.empty((*candles.close.shape, len(FEATURES)))
    for index, name in enumerate(FEATURES):
        result[..., index] = columns[name]
    return result


def _columns(candles: Candles) -> dict[str, Array]:
    opened, high, low, close = (_positive(side) for side in (candles.open, candles.high, candles.low, candles.close))
    volume = np.asarray(candles.volume, dtype=np.float64)
    step = np.log(close / shifted(close, 1))
    columns = _trend_columns(close, step)
    columns |= _shape_columns(opened, high, low, close, columns["volatility_60"])
    return columns | _flow_columns(high, low, close, volume)


class _Tail:
    """The last columns of a matrix up to and with `column`, without copying them."""

    def __init__(self, candles: Candles, column: int) -> None:
        span = slice(max(0, column + 1 - LOOKBACK), column + 1)
        self.open, self.high, self.low = candles.open[:, span], candles.high[:, span], candles.low[:, span]
        self.close, self.volume = candles.close[:, span], candles.volume[:, span]
        self.open_time_ms, self.symbols = candles.open_time_ms[span], candles.symbols


def features_last(candles: Candles, column: int = -1) -> Array:
    """Features of one candle (the last unless told), float64 (symbols, features): what serving computes."""
    index = column if column >= 0 else candles.close.shape[1] + column
    return features_compute(_Tail(candles, index))[:, -1, :]


def rows_usable(rows: Array) -> NDArray[np.bool_]:
    """Which rows (..., features) have no missing value, bool (...)."""
    return np.asarray(np.isfinite(rows).all(axis=-1))


def model_input(rows: Array) -> NDArray[np.float32]:
    """The rows as a model takes them, in training and in serving alike: float32, C order."""
    return np.ascontiguousarray(rows, dtype=np.float32)
