"""Range stability: the span between the highest high and the lowest low of some days."""

from signals.domain.selection.base import NAN, Candidate, Market, Values, open_high, range_check
from signals.domain.selection.candles import COMMON, CandleFilter, recent
from signals.domain.selection.parameters import Number


class RangeStability(CandleFilter):
    """(highest high - lowest low) / lowest low: pegged and dead coins hardly move, pumped ones move without bound."""

    kind = "range_stability"
    title = "Range stability"
    help = "Keeps pairs whose (highest - lowest) / lowest over the days is between minimum and maximum."
    parameters = (
        Number("days", 10, 2, 365, "Daily candles that are looked at."),
        Number("minimum", 0.02, 0.0, 100.0, "Least range, a fraction."),
        Number("maximum", 0.0, 0.0, 1000.0, "Largest range, a fraction; 0 for no bound."),
        *COMMON,
    )

    def check(self, values: Values) -> None:
        """The bounds in order."""
        range_check(values, "minimum", "maximum")

    def measure(self, candidate: Candidate, values: Values, market: Market) -> float:
        """A fraction of the lowest low."""
        table = recent(market.table(candidate.symbol), values["days"])
        if not len(table):
            return NAN
        low = float(table.low.min())
        return (float(table.high.max()) - low) / low

    def bounds(self, values: Values) -> tuple[float, float]:
        """From minimum to maximum."""
        return values["minimum"], open_high(values["maximum"])

    def says(self, measured: float, values: Values) -> str:
        """In percent over the days."""
        return f"range {measured:.2%} in {values['days']} days"

    def bound_says(self, bound: float, values: Values) -> str:
        """In percent."""
        return f"{bound:.2%}"
