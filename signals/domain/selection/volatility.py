"""Volatility: too quiet to earn the fees, or too wild to be held."""

import numpy as np

from signals.domain.selection.base import NAN, Candidate, Market, Values, Want, open_high, range_check
from signals.domain.selection.candles import COMMON, CandleFilter, recent
from signals.domain.selection.parameters import Choice, Number

TICKER, CANDLES = "ticker", "candles"


class Volatility(CandleFilter):
    """Either the standard deviation of daily log returns, or the range of the last 24 hours over the last price."""

    kind = "volatility"
    title = "Volatility"
    help = "Keeps pairs whose volatility a day is between minimum and maximum."
    parameters = (
        Choice(
            "source", CANDLES, (CANDLES, TICKER),
            "candles: standard deviation of the log returns of daily closes; ticker: (high - low) / last of 24 hours.",
        ),
        Number("days", 10, 3, 365, "Daily candles that are looked at."),
        Number("minimum", 0.005, 0.0, 10.0, "Least volatility a day, a fraction."),
        Number("maximum", 0.25, 0.0, 10.0, "Most volatility a day, a fraction; 0 for no bound."),
        *COMMON,
    )  # fmt: skip

    def check(self, values: Values) -> None:
        """The bounds in order."""
        range_check(values, "minimum", "maximum")

    def wants(self, values: Values) -> Want | None:
        """One more candle than returns; none for the ticker."""
        return Want("1d", int(values["days"]) + 1) if values["source"] == CANDLES else None

    def measure(self, candidate: Candidate, values: Values, market: Market) -> float:
        """A fraction a day."""
        if values["source"] == TICKER:
            known = candidate.last > 0.0 and candidate.high >= candidate.low > 0.0
            return (candidate.high - candidate.low) / candidate.last if known else NAN
        closes = recent(market.table(candidate.symbol), values["days"] + 1).close
        return float(np.std(np.diff(np.log(closes)), ddof=1)) if closes.size > 2 else NAN

    def bounds(self, values: Values) -> tuple[float, float]:
        """From minimum to maximum."""
        return values["minimum"], open_high(values["maximum"])

    def says(self, measured: float, values: Values) -> str:
        """In percent a day."""
        return f"volatility {measured:.2%} a day"

    def bound_says(self, bound: float, values: Values) -> str:
        """In percent."""
        return f"{bound:.2%}"
