"""Quote currency: only pairs that are paid for in one of these."""

from signals.domain.selection.base import Candidate, Market, PlainFilter, Values
from signals.domain.selection.parameters import FilterError, Names


class QuoteCurrency(PlainFilter):
    """The currency a pair is priced in."""

    kind = "quote_currency"
    title = "Quote currency"
    help = "Keeps pairs that are priced in one of the currencies."
    missing = "never missing"
    parameters = (Names("currencies", ("USDT",), "Currencies that are kept.", most=20),)

    def check(self, values: Values) -> None:
        """Without a currency nothing would ever pass."""
        if not values["currencies"]:
            raise FilterError("currencies needs at least one name, such as USDT.", "currencies")

    def refusal(self, candidate: Candidate, values: Values, market: Market) -> str:
        """Quoted in something else."""
        return "" if candidate.quote.upper() in values["currencies"] else f"Not quoted in {_either(values)}."


def _either(values: Values) -> str:
    return " or ".join(values["currencies"])
