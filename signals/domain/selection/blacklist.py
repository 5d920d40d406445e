"""Blacklist: symbols that are never scanned."""

from fnmatch import fnmatchcase

from signals.domain.selection.base import Candidate, Market, PlainFilter, Values
from signals.domain.selection.parameters import Names


class Blacklist(PlainFilter):
    """Symbols by name or pattern."""

    kind = "blacklist"
    title = "Blacklist"
    help = "Refuses the symbols, by name or by a pattern in which a star stands for anything."
    missing = "never missing"
    parameters = (Names("symbols", (), "Symbols or patterns, such as LUNA/USDT or DOGE/*."),)

    def refusal(self, candidate: Candidate, values: Values, market: Market) -> str:
        """Named, or matched by a pattern."""
        hit = next((name for name in values["symbols"] if fnmatchcase(candidate.symbol.upper(), name)), "")
        return f"On the blacklist ({hit})." if hit else ""
