"""Symbol selection: a chain of small filters. The registry maps a kind's name to its one instance."""

from signals.domain.selection.age import Age
from signals.domain.selection.base import Candidate, Filter, Market, Sieved, Want
from signals.domain.selection.blacklist import Blacklist
from signals.domain.selection.copies import Copies
from signals.domain.selection.correlation import Correlation
from signals.domain.selection.offset import Offset
from signals.domain.selection.parameters import FilterError
from signals.domain.selection.performance import Performance
from signals.domain.selection.precision import PricePrecision
from signals.domain.selection.quote import QuoteCurrency
from signals.domain.selection.range_stability import RangeStability
from signals.domain.selection.shuffle import Shuffle
from signals.domain.selection.spread import Spread
from signals.domain.selection.status import MarketStatus
from signals.domain.selection.volatility import Volatility
from signals.domain.selection.volume import Volume

__all__ = ["REGISTRY", "Candidate", "Filter", "FilterError", "Market", "Sieved", "Want", "filter_of"]

REGISTRY: dict[str, Filter] = {
    one.kind: one
    for one in (
        MarketStatus(), QuoteCurrency(), Blacklist(), Copies(), Spread(), Volume(), Age(), PricePrecision(),
        Volatility(), RangeStability(), Performance(), Correlation(), Offset(), Shuffle(),
    )
}  # fmt: skip


def filter_of(kind: str) -> Filter:
    """The filter of a kind; FilterError names the kinds there are."""
    try:
        return REGISTRY[kind]
    except KeyError:
        raise FilterError(f"Unknown filter {kind!r}. Allowed: {', '.join(REGISTRY)}.", "kind") from None
