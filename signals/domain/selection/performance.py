"""Performance: what holding the coin would have brought, as bounds and as a rank."""

import math
from collections.abc import Mapping

from signals.domain.selection.base import NAN, Candidate, Market, Values, Want, range_check
from signals.domain.selection.candles import COMMON, TIMEFRAMES, CandleFilter, recent
from signals.domain.selection.parameters import Choice, Number

KEEP, BEST, WORST = "keep", "best", "worst"


class Performance(CandleFilter):
    """Newest close over the close so many candles earlier, less 1."""

    kind = "performance"
    title = "Performance"
    help = "Keeps pairs whose return over the window is between minimum and maximum, and may rank them by it."
    parameters = (
        Choice("timeframe", "1d", TIMEFRAMES, "Candles that the window is counted in."),
        Number("window", 7, 1, 500, "Candles from the first close to the newest."),
        Number("minimum", -0.5, -1.0, 100.0, "Smallest return, a fraction: -0.5 is a loss of half."),
        Number("maximum", 100.0, -1.0, 1e6, "Largest return, a fraction."),
        Choice("sort", KEEP, (KEEP, BEST, WORST), "Rank those that stay: as they came, best first or worst first."),
        *COMMON,
    )

    def check(self, values: Values) -> None:
        """The bounds in order."""
        range_check(values, "minimum", "maximum", open_end=False)

    def wants(self, values: Values) -> Want:
        """The window's closes, both ends included."""
        return Want(values["timeframe"], int(values["window"]) + 1)

    def measure(self, candidate: Candidate, values: Values, market: Market) -> float:
        """The return, a fraction; missing unless candles reach back over the window."""
        closes = recent(market.table(candidate.symbol), values["window"] + 1).close
        return float(closes[-1] / closes[0] - 1.0) if closes.size > values["window"] else NAN

    def bounds(self, values: Values) -> tuple[float, float]:
        """From minimum to maximum."""
        return values["minimum"], values["maximum"]

    def ranked(self, kept: list[Candidate], measured: Mapping[str, float], values: Values) -> list[Candidate]:
        """By return if wanted, unknown ones last; ties keep their order."""
        if values["sort"] == KEEP:
            return kept
        sign = -1.0 if values["sort"] == BEST else 1.0
        return sorted(kept, key=lambda one: _last_if_unknown(sign * measured[one.symbol]))

    def says(self, measured: float, values: Values) -> str:
        """In percent over the window."""
        return f"return {measured:+.2%} in {values['window']} candles of {values['timeframe']}"

    def bound_says(self, bound: float, values: Values) -> str:
        """In percent."""
        return f"{bound:+.2%}"


def _last_if_unknown(value: float) -> float:
    return math.inf if math.isnan(value) else value
