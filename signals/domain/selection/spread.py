"""Spread: what entering and leaving costs at once."""

from signals.domain.selection.base import MISSING, RELAX, Candidate, Market, MeasuredFilter, Values
from signals.domain.selection.parameters import Number


class Spread(MeasuredFilter):
    """(ask - bid) / mid of the book's best prices."""

    kind = "spread"
    title = "Spread"
    help = "Refuses pairs whose (ask - bid) / mid is above the maximum."
    parameters = (Number("maximum", 0.01, 0.0, 1.0, "Widest spread, a fraction: 0.01 is 1%."), *RELAX, MISSING)

    def measure(self, candidate: Candidate, values: Values, market: Market) -> float:
        """From the ticker; an empty or crossed book has none."""
        return candidate.spread

    def bounds(self, values: Values) -> tuple[float, float]:
        """Up to the maximum."""
        return 0.0, values["maximum"]

    def says(self, measured: float, values: Values) -> str:
        """In percent."""
        return f"spread {measured:.3%}"

    def unknown(self, candidate: Candidate, values: Values) -> str:
        """An empty or crossed book."""
        return "No bid or no ask."
