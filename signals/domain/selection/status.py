"""Market status: traded now, in a state that allows it, and not about to be delisted."""

from datetime import UTC, date, datetime

from signals.domain.selection.base import Candidate, Market, PlainFilter, Values
from signals.domain.selection.parameters import Names, Number

DAY_MS = 86_400_000
STATES = (
    "BREAK", "HALT", "HALTED", "END_OF_DAY", "PRE_TRADING", "POST_TRADING", "AUCTION_MATCH", "SUSPEND", "PREOPEN",
    "PRELAUNCH", "PREMARKET", "SETTLING", "DELIVERING", "CLOSED", "OFFLINE", "DELISTED", "ST",
)  # fmt: skip


def announcement_wrong(name: str) -> str:
    """What is wrong with `SYMBOL YYYY-MM-DD`, or nothing."""
    try:
        symbol, day = name.split()
        date.fromisoformat(day)
    except ValueError:
        return "is not a symbol and a day, such as LUNA/USDT 2026-12-31."
    return "" if "/" in symbol else "begins with no symbol such as LUNA/USDT."


class MarketStatus(PlainFilter):
    """The exchange's flag, its own word for the state, and the day of a delisting it (or a person) announced."""

    kind = "market_status"
    title = "Market status and delisting"
    help = "Refuses what the exchange does not trade now, is in one of the states, or is to be delisted soon."
    missing = "a state or delisting day that is not stated passes"
    parameters = (
        Number("delisting_days", 14, 0, 365, "Refused from so many days before an announced delisting."),
        Names("states", STATES, "States (the exchange's own words) that are refused. ST is a special-treatment mark."),
        Names("announced", (), "Delistings you know of: SYMBOL YYYY-MM-DD.", wrong=announcement_wrong),
    )

    def refusal(self, candidate: Candidate, values: Values, market: Market) -> str:
        """Inactive, in a refused state, or near its end."""
        if not candidate.active:
            return "Not traded by the exchange now."
        if candidate.state.upper() in values["states"]:
            return f"The exchange's state is {candidate.state}."
        end = self._end_ms(candidate, values)
        if end is not None and market.now_ms >= end - values["delisting_days"] * DAY_MS:
            return f"Delisting announced for {datetime.fromtimestamp(end / 1000, UTC):%Y-%m-%d}."
        return ""

    @staticmethod
    def _end_ms(candidate: Candidate, values: Values) -> int | None:
        told = dict(name.split() for name in values["announced"])
        ends = [candidate.delist_ms] if candidate.delist_ms else []
        if day := told.get(candidate.symbol.upper()):
            ends.append(int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000))
        return min(ends, default=None)
