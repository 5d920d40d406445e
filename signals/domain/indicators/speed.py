"""How fast the price moves."""

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import NAN, Rows, fma, select, smaller, true_range


@kind(
    "roc",
    group="momentum",
    warm_up=lambda period: period,
    state=0,
    source="change of the close over n candles, in percent (TA-Lib ROC)",
    default=(10,),
)
def roc(close: Rows, state: Rows, out: Rows, begin: int, end: int, age: int, period: int) -> None:
    """Rate of change, in percent."""
    for t in range(begin, end):
        if age < period:
            out[t] = NAN
        else:
            out[t] = (close[t] / close[t - period] - 1.0) * 100.0
        age += 1


@kind(
    "mom",
    group="momentum",
    warm_up=lambda period: period,
    state=0,
    source="change of the close over n candles (TA-Lib MOM)",
    default=(10,),
)
def mom(close: Rows, state: Rows, out: Rows, begin: int, end: int, age: int, period: int) -> None:
    """Momentum, in price units."""
    for t in range(begin, end):
        if age < period:
            out[t] = NAN
        else:
            out[t] = close[t] - close[t - period]
        age += 1


@kind(
    "trix",
    group="momentum",
    warm_up=lambda period: 3 * period - 2,
    state=3,
    source="Hutson 1983: change of the threefold EMA of n over one candle, in percent; each EMA is seeded by the mean "
    "of the first n values it is given (TA-Lib TRIX)",
    default=(15,),
)
def trix(close: Rows, state: Rows, out: Rows, begin: int, end: int, age: int, period: int) -> None:
    """TRIX, in percent a candle."""
    first = state[0]
    second = state[1]
    third = state[2]
    factor = 2.0 / (period + 1)
    for t in range(begin, end):
        before = third
        if age < period:
            first = first + close[t]
            if age == period - 1:
                first = first / period
        else:
            first = fma(close[t] - first, factor, first)
        if age >= period - 1:
            if age < 2 * period - 1:
                second = second + first
                if age == 2 * period - 2:
                    second = second / period
            else:
                second = fma(first - second, factor, second)
        if age >= 2 * period - 2:
            if age < 3 * period - 2:
                third = third + second
                if age == 3 * period - 3:
                    third = third / period
            else:
                third = fma(second - third, factor, third)
        if age < 3 * period - 2:
            out[t] = NAN
        else:
            out[t] = (third / before - 1.0) * 100.0
        age += 1
    state[0] = first
    state[1] = second
    state[2] = third


@kind(
    "ultosc",
    group="momentum",
    warm_up=lambda short, middle, long: long,
    state=7,
    source="Williams 1985: close above the true low over true range, summed over three windows, weighted 4, 2, 1 "
    "(TA-Lib ULTOSC)",
    default=(7, 14, 28),
    check=lambda short, middle, long: "" if short <= middle <= long else "the windows must grow",
)
def ultosc(
    high: Rows, low: Rows, close: Rows, state: Rows, out: Rows,
    begin: int, end: int, age: int, short: int, middle: int, long: int,
) -> None:  # fmt: skip
    """Ultimate oscillator, 0 to 100. State: gains and ranges of the three windows, then candles without either."""
    gain_1 = state[0]
    span_1 = state[1]
    gain_2 = state[2]
    span_2 = state[3]
    gain_3 = state[4]
    span_3 = state[5]
    idle = state[6]
    for t in range(begin, end):
        if age > 0:
            gain = close[t] - smaller(low[t], close[t - 1])
            span = true_range(high[t], low[t], close[t - 1])
            if age > long - short:
                gain_1 = gain_1 + gain
                span_1 = span_1 + span
            if age > long - middle:
                gain_2 = gain_2 + gain
                span_2 = span_2 + span
            gain_3 = gain_3 + gain
            span_3 = span_3 + span
            idle = select((span == 0.0) & (gain == 0.0), smaller(idle + 1.0, long * 1.0), 0.0)
        if age < long:
            out[t] = NAN
        else:
            # A window without any range holds only the rounding of what has left it.
            gain_1 = select(idle >= short, 0.0, gain_1)
            span_1 = select(idle >= short, 0.0, span_1)
            gain_2 = select(idle >= middle, 0.0, gain_2)
            span_2 = select(idle >= middle, 0.0, span_2)
            gain_3 = select(idle >= long, 0.0, gain_3)
            span_3 = select(idle >= long, 0.0, span_3)
            total = select(span_1 > 0.0, 4.0 * (gain_1 / span_1), 0.0)
            total = total + select(span_2 > 0.0, 2.0 * (gain_2 / span_2), 0.0)
            total = total + select(span_3 > 0.0, gain_3 / span_3, 0.0)
            out[t] = 100.0 * (total / 7.0)
            old = t - short + 1
            gain_1 = gain_1 - (close[old] - smaller(low[old], close[old - 1]))
            span_1 = span_1 - true_range(high[old], low[old], close[old - 1])
            old = t - middle + 1
            gain_2 = gain_2 - (close[old] - smaller(low[old], close[old - 1]))
            span_2 = span_2 - true_range(high[old], low[old], close[old - 1])
            old = t - long + 1
            gain_3 = gain_3 - (close[old] - smaller(low[old], close[old - 1]))
            span_3 = span_3 - true_range(high[old], low[old], close[old - 1])
        age += 1
    state[0] = gain_1
    state[1] = span_1
    state[2] = gain_2
    state[3] = span_2
    state[4] = gain_3
    state[5] = span_3
    state[6] = idle
