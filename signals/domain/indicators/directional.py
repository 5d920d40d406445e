"""Direction of the trend from highs and lows."""

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import NAN, Rows, select, size, true_range


@kind(
    "adx",
    group="trend",
    columns=("adx", "plus_di", "minus_di"),
    warm_up=lambda period: (2 * period - 1, period, period),
    state=4,
    source="Wilder 1978: directional movement and true range summed over the first n - 1 candles and then smoothed; "
    "ADX is seeded by the mean of the first n DX (TA-Lib ADX, PLUS_DI, MINUS_DI)",
    default=(14,),
    least=2,
)
def adx(
    high: Rows, low: Rows, close: Rows, state: Rows, trend: Rows, plus_di: Rows, minus_di: Rows,
    begin: int, end: int, age: int, period: int,
) -> None:  # fmt: skip
    """Average directional index and the directional indicators, 0 to 100 each."""
    plus = state[0]
    minus = state[1]
    spans = state[2]
    value = state[3]
    for t in range(begin, end):
        if age > 0:
            up = high[t] - high[t - 1]
            down = low[t - 1] - low[t]
            span = true_range(high[t], low[t], close[t - 1])
            if age >= period:
                plus = plus - plus / period
                minus = minus - minus / period
                spans = spans - spans / period
            plus = plus + select((up > down) & (up > 0.0), up, 0.0)
            minus = minus + select((down > up) & (down > 0.0), down, 0.0)
            spans = spans + span
        if age < period:
            plus_di[t] = NAN
            minus_di[t] = NAN
        else:
            above = select(spans > 0.0, 100.0 * (plus / spans), 0.0)
            below = select(spans > 0.0, 100.0 * (minus / spans), 0.0)
            plus_di[t] = above
            minus_di[t] = below
            both = above + below
            told = both >= 1e-14
            index = 100.0 * (size(below - above) / both)
            if age < 2 * period:
                value = value + select(told, index, 0.0)
                if age == 2 * period - 1:
                    value = value / period
            else:
                value = select(told, (value * (period - 1) + index) / period, value)
        if age < 2 * period - 1:
            trend[t] = NAN
        else:
            trend[t] = value
        age += 1
    state[0] = plus
    state[1] = minus
    state[2] = spans
    state[3] = value


@kind(
    "aroon",
    group="trend",
    columns=("aroon_up", "aroon_down", "aroon_osc"),
    warm_up=lambda period: period,
    state=0,
    source="Chande 1995: how recent the extremes of the last n + 1 candles are, of equals the newest; up minus down "
    "(TA-Lib AROON, AROONOSC)",
    default=(14,),
    least=2,
)
def aroon(
    high: Rows, low: Rows, state: Rows, up: Rows, down: Rows, apart: Rows,
    begin: int, end: int, age: int, period: int,
) -> None:  # fmt: skip
    """Aroon up and down, 0 to 100, and their difference."""
    factor = 100.0 / period
    for t in range(begin, end):
        if age < period:
            up[t] = NAN
            down[t] = NAN
            apart[t] = NAN
        else:
            highest = high[t - period]
            lowest = low[t - period]
            top = highest * 0.0
            bottom = lowest * 0.0
            for k in range(1, period + 1):
                top = select(high[t - period + k] >= highest, k, top)
                highest = select(high[t - period + k] >= highest, high[t - period + k], highest)
                bottom = select(low[t - period + k] <= lowest, k, bottom)
                lowest = select(low[t - period + k] <= lowest, low[t - period + k], lowest)
            up[t] = factor * top
            down[t] = factor * bottom
            apart[t] = factor * (top - bottom)
        age += 1
