"""Volatility of log returns, a candle (not annualised)."""

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import NAN, Rows, larger, log, root


@kind(
    "realised",
    group="volatility",
    warm_up=lambda period: period,
    state=lambda period: period,
    source="Andersen and Bollerslev 1998: root of the mean squared log return of n candles (mean return taken as 0)",
    default=(20,),
)
def realised(close: Rows, state: Rows, out: Rows, begin: int, end: int, age: int, tick: int, period: int) -> None:
    """Realised volatility of one candle, as a share of the price. State: a ring of squared returns."""
    place = tick % period
    for t in range(begin, end):
        if age > 0:
            step = log(close[t] / close[t - 1])
            state[place] = step * step
        if age < period:
            out[t] = NAN
        else:
            slot = place + 1
            total = step * 0.0
            for _ in range(period):
                if slot >= period:
                    slot = 0
                total = total + state[slot]
                slot += 1
            out[t] = root(total / period)
        place += 1
        if place == period:
            place = 0
        age += 1


@kind(
    "garman_klass",
    group="volatility",
    warm_up=lambda period: period - 1,
    state=lambda period: period,
    source="Garman and Klass 1980: root of the mean of ln(high/low)^2 / 2 - (2 ln 2 - 1) ln(close/open)^2 of n candles",
    default=(20,),
)
def garman_klass(
    open: Rows, high: Rows, low: Rows, close: Rows, state: Rows, out: Rows,
    begin: int, end: int, age: int, tick: int, period: int,
) -> None:  # fmt: skip
    """Garman-Klass volatility of one candle, as a share of the price. State: a ring of the candles' terms."""
    place = tick % period
    for t in range(begin, end):
        span = log(high[t] / low[t])
        body = log(close[t] / open[t])
        state[place] = 0.5 * span * span - 0.3862943611198906 * body * body
        if age < period - 1:
            out[t] = NAN
        else:
            slot = place + 1
            total = span * 0.0
            for _ in range(period):
                if slot >= period:
                    slot = 0
                total = total + state[slot]
                slot += 1
            out[t] = root(larger(total, 0.0) / period)
        place += 1
        if place == period:
            place = 0
        age += 1
