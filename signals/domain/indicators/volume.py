"""Volume summed up from the first candle of a stretch on, and volume against its own past.

The first three are anchored: they begin at the first candle of the stretch, so two lanes that begin elsewhere differ by
a constant (OBV, A/D) or by how far back they weigh (VWAP). A strategy uses their differences.
"""

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import NAN, Rows, location_flow, root, select, typical, window_mean


@kind(
    "obv",
    group="volume",
    warm_up=lambda: 0,
    state=1,
    source="Granville 1963: volume added when the close rises, taken off when it falls; begins with the first volume "
    "(TA-Lib OBV)",
    default=(),
    anchored=True,
)
def obv(close: Rows, volume: Rows, state: Rows, out: Rows, begin: int, end: int, age: int) -> None:
    """On-balance volume, in base units."""
    total = state[0]
    for t in range(begin, end):
        if age == 0:
            total = volume[t]
        else:
            before = close[t - 1]
            down = select(close[t] < before, total - volume[t], total)
            total = select(close[t] > before, total + volume[t], down)
        out[t] = total
        age += 1
    state[0] = total


@kind(
    "ad",
    group="volume",
    warm_up=lambda: 0,
    state=1,
    source="Chaikin's accumulation/distribution line: the sum of close location value times volume (TA-Lib AD)",
    default=(),
    anchored=True,
)
def ad(
    high: Rows, low: Rows, close: Rows, volume: Rows, state: Rows, out: Rows, begin: int, end: int, age: int
) -> None:
    """Accumulation/distribution line, in base units."""
    total = state[0]
    for t in range(begin, end):
        total = total + location_flow(high[t], low[t], close[t], volume[t])
        out[t] = total
        age += 1
    state[0] = total


@kind(
    "vwap",
    group="volume",
    warm_up=lambda: 0,
    state=3,
    source="typical price weighted by volume, from the first candle of the stretch; 0 before any volume (TA-Lib VWAP)",
    default=(),
    anchored=True,
)
def vwap(
    high: Rows, low: Rows, close: Rows, volume: Rows, state: Rows, out: Rows, begin: int, end: int, age: int
) -> None:
    """Volume weighted average price since the first candle, in price units."""
    paid = state[0]
    total = state[1]
    value = state[2]
    for t in range(begin, end):
        paid = paid + typical(high[t], low[t], close[t]) * volume[t]
        total = total + volume[t]
        value = select(total > 0.0, paid / total, value)
        out[t] = value
        age += 1
    state[0] = paid
    state[1] = total
    state[2] = value


@kind(
    "vwap_rolling",
    group="volume",
    warm_up=lambda period: period - 1,
    state=0,
    source="typical price weighted by volume over n candles; the candle's typical price where nothing was traded",
    default=(20,),
)
def vwap_rolling(
    high: Rows, low: Rows, close: Rows, volume: Rows, state: Rows, out: Rows,
    begin: int, end: int, age: int, period: int,
) -> None:  # fmt: skip
    """Volume weighted average price of the last n candles, in price units."""
    for t in range(begin, end):
        if age < period - 1:
            out[t] = NAN
        else:
            first = t - period + 1
            total = volume[first]
            paid = typical(high[first], low[first], close[first]) * total
            for k in range(first + 1, t + 1):
                paid = paid + typical(high[k], low[k], close[k]) * volume[k]
                total = total + volume[k]
            out[t] = select(total > 0.0, paid / total, typical(high[t], low[t], close[t]))
        age += 1


@kind(
    "volume_sma",
    group="volume",
    warm_up=lambda period: period - 1,
    state=1,
    source="mean volume of n candles by a running sum (TA-Lib SMA of volume)",
    default=(20,),
)
def volume_sma(volume: Rows, state: Rows, out: Rows, begin: int, end: int, age: int, period: int) -> None:
    """Mean volume, in base units."""
    total = state[0]
    for t in range(begin, end):
        total, mean = window_mean(total, volume, t, age, period)
        out[t] = mean
        age += 1
    state[0] = total


@kind(
    "volume_z",
    group="volume",
    warm_up=lambda period: period - 1,
    state=0,
    source="volume less its mean of n candles, over their population standard deviation; 0 where volume has not moved "
    "(as the models' feature volume_z)",
    default=(20,),
)
def volume_z(volume: Rows, state: Rows, out: Rows, begin: int, end: int, age: int, period: int) -> None:
    """How unusual the volume is, in standard deviations."""
    for t in range(begin, end):
        if age < period - 1:
            out[t] = NAN
        else:
            total = volume[t]
            for k in range(1, period):
                total = total + volume[t - k]
            mean = total / period
            squares = (volume[t] - mean) * (volume[t] - mean)
            for k in range(1, period):
                squares = squares + (volume[t - k] - mean) * (volume[t - k] - mean)
            spread = root(squares / period)
            out[t] = select(spread > 1e-14 * mean, (volume[t] - mean) / spread, 0.0)
        age += 1
