"""Ichimoku Kinko Hyo."""

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import NAN, Rows, larger, smaller


@kind(
    "ichimoku",
    group="trend",
    columns=("ichimoku_tenkan", "ichimoku_kijun", "ichimoku_span_a", "ichimoku_span_b"),
    warm_up=lambda tenkan, kijun, senkou: (tenkan - 1, kijun - 1, max(tenkan, kijun) - 1 + kijun, senkou - 1 + kijun),
    state=0,
    source="Hosoda 1969: middles of the range of n candles; the cloud (span a: mean of tenkan and kijun, span b: "
    "senkou) as drawn over a candle, that is from `kijun` candles before it. No chikou: it is the close drawn back",
    default=(9, 26, 52),
)
def ichimoku(
    high: Rows, low: Rows, state: Rows, quick: Rows, base: Rows, span_a: Rows, span_b: Rows,
    begin: int, end: int, age: int, tenkan: int, kijun: int, senkou: int,
) -> None:  # fmt: skip
    """Tenkan, kijun and the two edges of the cloud at this candle, in price units."""
    for t in range(begin, end):
        if age < tenkan - 1:
            quick[t] = NAN
        else:
            top = high[t]
            bottom = low[t]
            for k in range(1, tenkan):
                top = larger(high[t - k], top)
                bottom = smaller(low[t - k], bottom)
            quick[t] = (top + bottom) / 2.0
        if age < kijun - 1:
            base[t] = NAN
        else:
            top = high[t]
            bottom = low[t]
            for k in range(1, kijun):
                top = larger(high[t - k], top)
                bottom = smaller(low[t - k], bottom)
            base[t] = (top + bottom) / 2.0
        if age < kijun + tenkan - 1 or age < 2 * kijun - 1:
            span_a[t] = NAN
        else:
            top = high[t - kijun]
            bottom = low[t - kijun]
            for k in range(kijun + 1, kijun + tenkan):
                top = larger(high[t - k], top)
                bottom = smaller(low[t - k], bottom)
            middle = (top + bottom) / 2.0
            top = high[t - kijun]
            bottom = low[t - kijun]
            for k in range(kijun + 1, kijun + kijun):
                top = larger(high[t - k], top)
                bottom = smaller(low[t - k], bottom)
            span_a[t] = (middle + (top + bottom) / 2.0) / 2.0
        if age < kijun + senkou - 1:
            span_b[t] = NAN
        else:
            top = high[t - kijun]
            bottom = low[t - kijun]
            for k in range(kijun + 1, kijun + senkou):
                top = larger(high[t - k], top)
                bottom = smaller(low[t - k], bottom)
            span_b[t] = (top + bottom) / 2.0
        age += 1
