"""Offset: leave out the first ones of the ranking, and keep so many after them."""

from collections.abc import Sequence

from signals.domain.selection.base import Candidate, Filter, Market, Sieved, Values
from signals.domain.selection.parameters import Number


class Offset(Filter):
    """A window of the ranking as it stands at this step."""

    kind = "offset"
    title = "Offset"
    help = "Skips the first so many of the ranking and keeps the next so many."
    missing = "never missing"
    parameters = (
        Number("skip", 0, 0, 5000, "How many of the first are left out."),
        Number("number", 0, 0, 5000, "How many are kept after them; 0 keeps all."),
    )

    def sieve(self, candidates: Sequence[Candidate], values: Values, market: Market) -> Sieved:
        """Ranks skip + 1 to skip + number."""
        skip = values["skip"]
        last = skip + values["number"] if values["number"] else len(candidates)
        refused = {one.symbol: f"Rank {rank}: the first {skip} are skipped." for rank, one in _ranks(candidates[:skip])}
        for rank, one in _ranks(candidates, 1)[last:]:
            refused[one.symbol] = f"Rank {rank}: only ranks {skip + 1} to {last} are kept."
        return Sieved(list(candidates[skip:last]), refused)


def _ranks(candidates: Sequence[Candidate], first: int = 1) -> list[tuple[int, Candidate]]:
    return list(enumerate(candidates, first))
