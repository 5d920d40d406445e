"""Age: how long a pair has been listed, by the exchange's word or by its candles."""

from signals.domain.selection.base import (
    MISSING,
    NAN,
    RELAX,
    Candidate,
    Market,
    MeasuredFilter,
    Values,
    Want,
    open_high,
    range_check,
)
from signals.domain.selection.parameters import Number

DAY_MS = 86_400_000


class Age(MeasuredFilter):
    """Days since the exchange's listing date, or where it states none, since the first daily candle."""

    kind = "age"
    title = "Age"
    help = "Refuses pairs listed for fewer than the minimum of days (or more than the maximum)."
    parameters = (
        Number("minimum", 10, 0, 990, "Fewest days since the listing."),
        Number("maximum", 0, 0, 990, "Most days since the listing; 0 for no bound."),
        *RELAX,
        MISSING,
    )

    def check(self, values: Values) -> None:
        """The bounds in order."""
        range_check(values, "minimum", "maximum")

    def wants(self, values: Values) -> Want:
        """As many days as the larger bound, and one more to know that it is exceeded."""
        return Want("1d", int(max(values["minimum"], values["maximum"])) + 1)

    def asks(self, candidate: Candidate) -> bool:
        """Only where the exchange states no date."""
        return candidate.listed_ms is None

    def measure(self, candidate: Candidate, values: Values, market: Market) -> float:
        """Days; by candles never more than were asked for, which is enough to judge."""
        begun = candidate.listed_ms
        if begun is None:
            table = market.table(candidate.symbol)
            begun = int(table.open_time_ms[0]) if len(table) else None
        return NAN if begun is None else max(market.now_ms - begun, 0) / DAY_MS

    def bounds(self, values: Values) -> tuple[float, float]:
        """From minimum to maximum."""
        return values["minimum"], open_high(values["maximum"])

    def says(self, measured: float, values: Values) -> str:
        """In whole days."""
        return f"listed for {int(measured)} days, which"

    def bound_says(self, bound: float, values: Values) -> str:
        """In days."""
        return f"{bound:g}"

    def unknown(self, candidate: Candidate, values: Values) -> str:
        """Neither a date nor a candle."""
        return "No listing date and no daily candle."
