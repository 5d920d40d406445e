"""Convergence and divergence of two exponential averages."""

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import NAN, Rows, fma


@kind(
    "macd",
    group="trend",
    columns=("macd", "macd_signal", "macd_hist"),
    warm_up=lambda fast, slow, signal: slow + signal - 2,
    state=3,
    source="Appel 1979: EMA fast - EMA slow, its EMA, their difference; both EMAs are seeded at candle slow - 1, the "
    "fast one by the last `fast` closes (TA-Lib MACD)",
    default=(12, 26, 9),
    check=lambda fast, slow, signal: "" if fast < slow else "fast must be smaller than slow",
)
def macd(
    close: Rows, state: Rows, line: Rows, smooth: Rows, hist: Rows,
    begin: int, end: int, age: int, fast: int, slow: int, signal: int,
) -> None:  # fmt: skip
    """MACD line, signal and histogram, in price units."""
    quick = state[0]
    calm = state[1]
    average = state[2]
    quick_factor = 2.0 / (fast + 1)
    calm_factor = 2.0 / (slow + 1)
    factor = 2.0 / (signal + 1)
    for t in range(begin, end):
        price = close[t]
        if age < slow:
            calm = calm + price
            if age >= slow - fast:
                quick = quick + price
            if age == slow - 1:
                calm = calm / slow
                quick = quick / fast
        else:
            quick = fma(price - quick, quick_factor, quick)
            calm = fma(price - calm, calm_factor, calm)
        apart = quick - calm
        if age >= slow - 1:
            if age < slow + signal - 1:
                average = average + apart
                if age == slow + signal - 2:
                    average = average / signal
            else:
                average = fma(apart - average, factor, average)
        if age < slow + signal - 2:
            line[t] = NAN
            smooth[t] = NAN
            hist[t] = NAN
        else:
            line[t] = apart
            smooth[t] = average
            hist[t] = apart - average
        age += 1
    state[0] = quick
    state[1] = calm
    state[2] = average
