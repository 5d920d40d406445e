"""Price precision: a tick that is coarse in relation to the price makes stops and targets jump."""

from signals.domain.selection.base import MISSING, NAN, RELAX, Candidate, Market, MeasuredFilter, Values
from signals.domain.selection.parameters import Number


class PricePrecision(MeasuredFilter):
    """Tick size over price: what one step of the price moves."""

    kind = "price_precision"
    title = "Price precision"
    help = "Refuses pairs whose smallest price step is more than the maximum of the price."
    parameters = (
        Number("maximum", 0.001, 1e-9, 1.0, "Largest tick / price, a fraction: 0.001 is 0.1%."),
        *RELAX,
        MISSING,
    )

    def measure(self, candidate: Candidate, values: Values, market: Market) -> float:
        """From the instrument's tick and the last price."""
        known = candidate.tick > 0.0 and candidate.last > 0.0
        return candidate.tick / candidate.last if known else NAN

    def bounds(self, values: Values) -> tuple[float, float]:
        """Up to the maximum."""
        return 0.0, values["maximum"]

    def says(self, measured: float, values: Values) -> str:
        """In percent."""
        return f"one tick, {measured:.4%} of the price,"

    def bound_says(self, bound: float, values: Values) -> str:
        """In percent, as fine as the tick itself."""
        return f"{bound:.4%}"

    def unknown(self, candidate: Candidate, values: Values) -> str:
        """No price, no relation."""
        return "No last price to judge the tick by."
